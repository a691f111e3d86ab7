import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import type { Body } from '../support/client.ts';

/** A complete response. A response that is cut off rejects instead. */
export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  body: Body;
}

export interface Ask {
  method?: string;
  token?: string;
  body?: object;
  agent?: Agent;
}

/**
 * Sends a request with an agent of its own, so that a test decides which connections are kept alive: `fetch` shares one
 * pool for the whole process, and a kill would break the connections of other requests.
 */
export function ask(url: string, { method = 'GET', token, body, agent }: Ask = {}): Promise<Reply> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      method,
      agent: agent ?? false,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(text !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
      },
    });
    sent.once('error', reject);
    sent.once('response', (response) => {
      let received = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        received += chunk;
      });
      response.once('error', reject);
      response.once('end', () => {
        const isJson = /json/.test(response.headers['content-type'] ?? '');
        const content = isJson && received !== '' ? (JSON.parse(received) as Body) : {};
        resolve({ status: response.statusCode!, headers: response.headers, body: content });
      });
    });
    sent.end(text);
  });
}

export function keepAlive(): Agent {
  return new Agent({ keepAlive: true, scheduling: 'fifo' });
}
