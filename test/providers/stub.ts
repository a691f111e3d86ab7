import { createServer as createHttpServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface Heard {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
  /** The body, parsed as a form. */
  form: Record<string, string>;
}

export interface Answer {
  status?: number;
  headers?: Record<string, string>;
  body: string | object;
}

/** `hang` accepts and never answers, `drop` closes the connection. */
export type Reaction = Answer | 'hang' | 'drop';

export interface Stub {
  url: string;
  heard: Heard[];
  /** Sets the reactions to the next requests, in order; the last one repeats. */
  react(...reactions: Reaction[]): void;
  /** Resolves when a client gives up on a request that hangs. */
  hungUp(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a small server instead of a cloud. It answers as the test says and keeps the requests. */
export async function startStub(tls?: { key: string; cert: string }): Promise<Stub> {
  const heard: Heard[] = [];
  const gaveUp = Promise.withResolvers<void>();
  let reactions: Reaction[] = ['drop'];
  const server: Server = tls === undefined ? createHttpServer() : createHttpsServer(tls);
  server.on('request', (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      const { method = '', url = '', headers } = request;
      heard.push({ method, path: url, headers, body, form: Object.fromEntries(new URLSearchParams(body)) });
      const reaction = reactions.length > 1 ? reactions.shift()! : reactions[0]!;
      if (reaction === 'hang') {
        request.socket.once('close', () => gaveUp.resolve());
        return;
      }
      if (reaction === 'drop') {
        request.socket.destroy();
        return;
      }
      const text = typeof reaction.body === 'string' ? reaction.body : JSON.stringify(reaction.body);
      const type = typeof reaction.body === 'string' ? 'text/xml' : 'application/json';
      response.writeHead(reaction.status ?? 200, { 'content-type': type, ...reaction.headers }).end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    heard,
    react: (...next) => {
      reactions = next;
    },
    hungUp: () => gaveUp.promise,
    close: () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      return closed;
    },
  };
}
