import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../core/clock.ts';
import type { ServerIdentity } from './authority.ts';
import { type Faults, makeFaults } from './faults.ts';

/** A request with its whole body. */
export interface Request {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  /** Alternating names and values as sent: a signature can cover a repeated header. */
  raw_headers: readonly string[];
  body: Buffer;
}

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
  /** The cloud's own error code, for the request log. */
  code?: string;
}

/** The operation of a request and its parameters, without tokens and secrets. */
export interface Operation {
  operation: string;
  parameters: Record<string, string>;
}

export interface Cloud {
  describe(request: Request): Operation;
  answer(request: Request): Promise<Answer>;
  /** Creates the response of this cloud for 429 and 5xx. */
  unavailable(status: number): Answer;
}

/** A request in the log. `at` is in milliseconds since 1970; `status` is absent until the response is sent. */
export interface Call extends Operation {
  at: number;
  status?: number;
  code?: string;
}

/** The requests of a cloud since its start. */
export interface RequestLog {
  readonly count: number;
  readonly calls: readonly Call[];
}

export interface Listener {
  origin: string;
  log: RequestLog;
  faults: Faults;
  close(): Promise<void>;
}

interface ListenerOptions {
  host: string;
  /** The host name in the origin; the certificate is for `localhost`. */
  name: string;
  clock: Clock;
  tls?: ServerIdentity;
  /** Builds the cloud when its origin is known. */
  cloud: (origin: string) => Cloud;
}

/**
 * Bytes, above all limits of the clouds: AWS accepts tokens of 20,000 characters, each of which can be percent-encoded in a
 * URL.
 */
const maximumBody = 256 * 1024;
const maximumHeaders = 128 * 1024;

/** Starts a cloud on a free port. `GET /healthz` is not counted in the log. */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const calls: Call[] = [];
  const faults = makeFaults();
  const settings = { maxHeaderSize: maximumHeaders };
  const server = options.tls
    ? createTlsServer({ ...settings, cert: options.tls.cert, key: options.tls.key })
    : createServer(settings);
  await startListening(server, options.host);
  const { port } = server.address() as AddressInfo;
  const origin = `${options.tls ? 'https' : 'http'}://${options.name}:${port}`;
  const cloud = options.cloud(origin);

  async function serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(message.url ?? '/', origin);
    if (url.pathname === '/healthz') {
      send(response, { status: 200, headers: { 'content-type': 'text/plain' }, body: 'ok' }, options.clock);
      return;
    }
    const body = await readBody(message);
    if (body === undefined) {
      send(response, cloud.unavailable(413), options.clock);
      return;
    }
    const request = createRequest(message, url, body);
    const call: Call = { ...cloud.describe(request), at: options.clock.now() };
    calls.push(call);
    const fault = faults.next();
    if (fault?.kind === 'hang') return;
    const answer = fault ? cloud.unavailable(fault.status) : await answerSafely(cloud, request);
    call.status = answer.status;
    if (answer.code !== undefined) call.code = answer.code;
    send(response, answer, options.clock);
  }

  server.on('request', (message, response) => {
    serve(message, response).catch(() => response.destroy());
  });
  const log: RequestLog = {
    get count() {
      return calls.length;
    },
    calls,
  };
  return { origin, log, faults, close: () => stopListening(server) };
}

async function answerSafely(cloud: Cloud, request: Request): Promise<Answer> {
  try {
    return await cloud.answer(request);
  } catch {
    return cloud.unavailable(500);
  }
}

function createRequest(message: IncomingMessage, url: URL, body: Buffer): Request {
  return {
    method: message.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    headers: message.headers,
    raw_headers: message.rawHeaders,
    body,
  };
}

/** Reads the body. Returns undefined when it exceeds the limit. */
async function readBody(message: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Without this option leaving the loop would destroy the socket before the 413 is sent.
  for await (const chunk of message.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maximumBody) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function send(response: ServerResponse, answer: Answer, clock: Clock): void {
  if (response.destroyed) return;
  response.writeHead(answer.status, {
    // SDKs correct their clock by this header, so that it must be the clock that checks their signatures.
    date: new Date(clock.now()).toUTCString(),
    'cache-control': 'no-store',
    'content-length': Buffer.byteLength(answer.body),
    ...answer.headers,
  });
  response.end(answer.body);
}

function startListening(server: Server, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function stopListening(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
