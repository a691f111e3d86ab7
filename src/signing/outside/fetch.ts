import { type Agent, type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction, type Socket } from 'node:net';
import { ArsiaError } from '../../core/errors.ts';
import { developmentHosts } from '../../core/loopback.ts';
import { isDocumentUrl } from '../../core/outsideissuers.ts';
import { createOutbound, type Outbound } from '../../outbound/outbound.ts';
import { isInternalAddress } from './addresses.ts';
import { type Resolve, resolveByDns } from './resolve.ts';

export interface FetchedDocument {
  /** Parsed JSON. */
  body: unknown;
  /** Seconds, from `Cache-Control`; undefined where it gives none. */
  maximum_age: number | undefined;
}

/**
 * Fetches a JSON document of an outside issuer over https, from a public address or through the proxy. The signal aborts name
 * resolution, connection, headers and body.
 * Throws ArsiaError `outside_token_refused`, with one constant text, for a URL that Arsia does not fetch (an address that is
 * not public, a name without an address, a redirect), and `issuer_unavailable` for a failed or invalid answer.
 */
export type DocumentFetch = (url: string, signal: AbortSignal) => Promise<FetchedDocument>;

export interface FetchOptions {
  /** For development: also allows http and https on 127.0.0.1, [::1] and localhost. */
  allowLoopback: boolean;
  /** Called with the reason of a failed fetch, which the answer to the caller does not reveal. */
  onFault?: (fault: Error, host: string) => void;
  resolve?: Resolve;
  isInternal?: (address: string) => boolean;
  outbound?: Outbound;
}

/** Bytes that an issuer may send after the TLS handshake: interim responses (1xx), headers, framing and body. */
export const maximumAnswer = 100 * 1024;

/** Milliseconds for the look-up of a name that the proxy resolves too. */
const proxiedLookup = 1000;

/** A URL that Arsia does not fetch, or a redirect. */
class RefusedAddress extends Error {}

export function createDocumentFetch(options: FetchOptions): DocumentFetch {
  const { allowLoopback, onFault, resolve = resolveByDns, isInternal = isInternalAddress } = options;
  const { outbound = createOutbound() } = options;

  async function resolveAddresses(url: URL, signal: AbortSignal): Promise<readonly string[]> {
    if (allowLoopback && Object.hasOwn(developmentHosts, url.hostname)) return developmentHosts[url.hostname]!;
    const addresses = await resolve(url.hostname, signal);
    signal.throwIfAborted();
    if (addresses.length === 0) throw new RefusedAddress('the name has no address');
    // One internal address among others is enough: the owner of the name could direct the next connection to it.
    if (addresses.some(isInternal)) throw new RefusedAddress('the name has an address that is not public');
    return addresses;
  }

  /**
   * Refuses a name that has an internal address here. The proxy resolves it again and connects, so that only the proxy can
   * refuse them all; where names of the Internet have no address here, it alone decides.
   */
  async function checkBeforeProxy(url: URL, signal: AbortSignal): Promise<readonly string[]> {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(proxiedLookup)]);
    const addresses = await resolve(url.hostname, limited).catch(() => []);
    signal.throwIfAborted();
    if (addresses.some(isInternal)) throw new RefusedAddress('the name has an address that is not public');
    return addresses;
  }

  async function get(text: string, signal: AbortSignal): Promise<FetchedDocument> {
    if (!isDocumentUrl(text, allowLoopback)) throw new RefusedAddress('the URL is not one that Arsia fetches');
    const url = new URL(text);
    const addresses = outbound.isProxied(url)
      ? await checkBeforeProxy(url, signal)
      : await resolveAddresses(url, signal);
    // `once`: an open connection would outlive the check of its address.
    return await roundTrip(url, addresses, outbound.agentFor(url, 'once'), signal);
  }

  return async (text, signal) => {
    try {
      return await get(text, signal);
    } catch (thrown) {
      onFault?.(thrown as Error, URL.parse(text)?.host ?? '');
      throw thrown instanceof RefusedAddress ? refused(thrown) : unavailable(thrown);
    }
  };
}

async function roundTrip(
  url: URL,
  addresses: readonly string[],
  agent: Agent,
  signal: AbortSignal,
): Promise<FetchedDocument> {
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const received = { bytes: 0 };
  const incoming = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { accept: 'application/json', 'accept-encoding': 'identity', 'user-agent': 'arsia' };
    const request = send(url, { agent, signal, lookup: pinAddresses(addresses), headers }, resolve);
    request.on('error', reject).on('socket', (socket) => countBytes(socket, request, received));
    // Without a listener for upgrades, Node ends a switch of protocols (101) without an error.
    request.on('close', () => reject(new Error('the connection ended without an answer'))).end();
  });
  try {
    const status = incoming.statusCode ?? 0;
    if (status >= 300 && status < 400) throw new RefusedAddress('the answer is a redirect');
    if (status !== 200) throw new Error(`the answer is ${status}`);
    if (!/^(?:identity)?$/i.test((incoming.headers['content-encoding'] ?? '').trim()))
      throw new Error('the answer has a Content-Encoding, which was not requested');
    const text = await readText(incoming).catch((thrown: unknown) => {
      throw received.bytes > maximumAnswer ? tooLong() : thrown;
    });
    // Node parses the last bytes before `countBytes` sees them.
    if (received.bytes > maximumAnswer) throw tooLong();
    return {
      body: JSON.parse(text) as unknown,
      maximum_age: readMaximumAge(incoming.headers['cache-control']),
    };
  } finally {
    incoming.destroy();
  }
}

/**
 * Returns a look-up that answers only the checked addresses; a tunnel makes none. A second DNS query could return others (DNS
 * rebinding).
 */
function pinAddresses(addresses: readonly string[]): LookupFunction {
  const all = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_host, options, callback) => {
    if (options.all === true) callback(null, all);
    else callback(null, all[0]!.address, all[0]!.family);
  };
}

/**
 * Ends the request when more than `maximumAnswer` bytes have arrived. Node limits the headers of each response, but neither
 * the number of interim responses nor the framing of chunks.
 */
function countBytes(socket: Socket, request: ClientRequest, received: { bytes: number }): void {
  socket.on('data', (chunk: Buffer) => {
    received.bytes += chunk.length;
    if (received.bytes > maximumAnswer) request.destroy(tooLong());
  });
}

function tooLong(): Error {
  return new Error(`the answer is over ${maximumAnswer} bytes`);
}

async function readText(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
  // Removes a byte order mark, which parsers may ignore (RFC 8259 8.1).
  return new TextDecoder().decode(Buffer.concat(chunks));
}

function readMaximumAge(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  if (/\bno-(?:store|cache)\b/i.test(header)) return 0;
  const seconds = /\bmax-age\s*=\s*"?(\d{1,9})/i.exec(header)?.[1];
  return seconds === undefined ? undefined : Number(seconds);
}

function refused(cause: Error): ArsiaError {
  return new ArsiaError('outside_token_refused', 'Arsia does not fetch the documents of this issuer.', {
    advice:
      'The issuer and its jwks_uri must be https on public addresses, and answer without a redirect. Keys of another issuer can be uploaded with the trust rule (`jwks`).',
    cause,
  });
}

function unavailable(cause: unknown): ArsiaError {
  return new ArsiaError('issuer_unavailable', 'The documents of the outside issuer could not be fetched.', { cause });
}
