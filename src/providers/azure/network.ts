import type { Agent, ClientRequest, IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { INetworkModule, NetworkRequestOptions, NetworkResponse } from '@azure/msal-node';
import type { AzureEndpoints } from './endpoints.ts';

const maximumAnswer = 1024 * 1024;

/** The last answer or failure of the connection: MSAL keeps neither headers nor the cause of a failed connection. */
export interface WireRecord {
  response?: { status: number; headers: Record<string, string> };
  failure?: unknown;
}

/**
 * Creates the network module of one exchange, which replaces MSAL's own. It uses the outbound agents, ends with the
 * signal, follows no redirect (which would send the assertion to another host), and records the answer or failure.
 */
export function createNetwork(endpoints: AzureEndpoints, signal: AbortSignal, record: WireRecord): INetworkModule {
  async function send<Body>(
    method: string,
    url: string,
    options: NetworkRequestOptions = {},
  ): Promise<NetworkResponse<Body>> {
    try {
      const answer = await roundTrip(method, url, options, { agent: endpoints.outbound.agentFor(url), signal });
      record.response = { status: answer.status, headers: answer.headers };
      return { ...answer, body: parseBody(answer.body) as Body };
    } catch (thrown) {
      record.failure = thrown;
      throw thrown;
    }
  }
  return {
    sendGetRequestAsync: (url, options) => send('GET', url, options),
    sendPostRequestAsync: (url, options) => send('POST', url, options),
  };
}

interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

function roundTrip(
  method: string,
  url: string,
  { headers, body }: NetworkRequestOptions,
  connection: { agent: Agent; signal: AbortSignal },
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const bytes = Buffer.from(body ?? '');
  const outgoing: ClientRequest = request(url, {
    ...connection,
    method,
    headers: { ...headers, 'content-length': bytes.length },
  });
  outgoing.on('error', reject);
  outgoing.on('response', (incoming: IncomingMessage) => {
    readAnswer(incoming).then(resolve, (thrown) => {
      outgoing.destroy();
      reject(thrown);
    });
  });
  outgoing.end(bytes);
  return promise;
}

async function readAnswer(incoming: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maximumAnswer) throw new Error(`The answer of Entra is longer than ${maximumAnswer} bytes`);
    chunks.push(chunk);
  }
  const headers = Object.entries(incoming.headers).map(([name, value]) => [name, [value].flat().join(', ')]);
  return {
    status: incoming.statusCode ?? 0,
    headers: Object.fromEntries(headers),
    body: Buffer.concat(chunks).toString('utf8'),
  };
}

/** MSAL gets an empty body where it is not JSON, such as the page of a proxy. The status then decides. */
function parseBody(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return {};
  }
}
