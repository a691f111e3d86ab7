import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { CustomFetch, CustomFetchOptions } from 'openid-client';
import type { Outbound } from '../../outbound/outbound.ts';

/** Bytes. A JWK Set of a hundred keys has a third of this. */
const maximumAnswer = 256 * 1024;

/** Statuses without a body (Fetch standard, 2.2.3). */
const bodiless = [204, 205, 304];

/**
 * Creates the function that sends requests to the identity provider, over the outbound agents, which Node's own `fetch` cannot
 * use. openid-client sets the deadline. Redirects are not followed. Throws a TypeError, as `fetch` does, where there is no
 * answer or one of more than `maximumAnswer` bytes.
 */
export function createLimitedFetch(outbound: Outbound): CustomFetch {
  return async (url, options) => {
    try {
      const incoming = await send(outbound, new URL(url), options);
      const bytes = await readLimited(incoming);
      const status = incoming.statusCode ?? 0;
      return new Response(bodiless.includes(status) ? null : bytes, { status, headers: headersOf(incoming) });
    } catch (thrown) {
      options.signal?.throwIfAborted();
      throw new TypeError('the request failed', { cause: thrown });
    }
  };
}

function send(outbound: Outbound, url: URL, options: CustomFetchOptions): Promise<IncomingMessage> {
  const { method, headers, body, signal } = options;
  // openid-client sends forms as URLSearchParams, and neither JSON nor streams.
  const bytes = Buffer.from(body instanceof URLSearchParams || typeof body === 'string' ? String(body) : '');
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
    // `once`: a kept connection that the provider is closing would fail a sign-in.
    agent: outbound.agentFor(url, 'once'),
    method,
    headers: {
      ...headers,
      'accept-encoding': 'identity',
      ...(bytes.length > 0 && { 'content-length': bytes.length }),
    },
    ...(signal && { signal }),
  });
  request.on('error', reject).on('response', resolve);
  // Without a listener for upgrades, Node ends a switch of protocols (101) without an error.
  request.on('close', () => reject(new Error('the connection ended without an answer'))).end(bytes);
  return promise;
}

async function readLimited(incoming: IncomingMessage): Promise<Buffer<ArrayBuffer>> {
  if (!/^(?:identity)?$/i.test((incoming.headers['content-encoding'] ?? '').trim())) {
    incoming.destroy();
    throw new Error('the response has a Content-Encoding, which was not requested');
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    // Leaving the loop ends the download.
    if (size > maximumAnswer) throw new Error(`the response has more than ${maximumAnswer} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function headersOf({ headersDistinct }: IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, values = []] of Object.entries(headersDistinct))
    for (const value of values) headers.append(name, value);
  return headers;
}
