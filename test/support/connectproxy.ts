import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { atEnd } from './arsia.ts';

export interface ConnectProxy {
  /** With user and password. */
  url: string;
  /** The targets of all CONNECT requests that were allowed. */
  tunnels: string[];
  /** A status that answers the next requests instead of a tunnel. */
  refusal: string | undefined;
  /** Takes the place of the answer to CONNECT, until it is undefined. */
  behave: ((client: Socket) => void) | undefined;
  /** The number of open connections. */
  open(): number;
}

export const proxyAuthorization = Buffer.from('arsia:p@ss').toString('base64');

/** Starts a proxy that opens tunnels (RFC 9110 9.3.6). It resolves every name to 127.0.0.1, and asks for a password. */
export async function startConnectProxy(): Promise<ConnectProxy> {
  const sockets = new Set<Socket>();
  const clients = new Set<Socket>();
  const server = createServer((_request, response) => response.writeHead(405).end());
  const proxy: ConnectProxy = {
    url: '',
    tunnels: [],
    refusal: undefined,
    behave: undefined,
    open: () => clients.size,
  };
  server.on('connection', (socket) => {
    sockets.add(socket);
    clients.add(socket);
    socket.on('close', () => clients.delete(socket));
  });
  server.on('connect', (request, stream) => {
    const client = stream as Socket;
    client.on('error', () => {});
    if (proxy.behave !== undefined) {
      // A socket of a server stays half open until it is read to its end.
      client.on('end', () => client.destroy()).resume();
      proxy.behave(client);
      return;
    }
    const isKnown = request.headers['proxy-authorization'] === `Basic ${proxyAuthorization}`;
    const refusal = isKnown ? proxy.refusal : '407 Proxy Authentication Required';
    if (refusal !== undefined) {
      client.end(`HTTP/1.1 ${refusal}\r\ncontent-length: 2\r\n\r\n{}`);
      return;
    }
    proxy.tunnels.push(request.url!);
    const target = connect(Number(request.url!.split(':').at(-1)), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      target.pipe(client).pipe(target);
    });
    sockets.add(target);
    target.on('error', () => client.destroy());
    // A pipe whose target is gone no longer reads, and would miss the end.
    target.on('close', () => client.resume().on('end', () => client.destroy()));
    client.on('close', () => target.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  proxy.url = `http://arsia:p%40ss@127.0.0.1:${(server.address() as AddressInfo).port}`;
  return proxy;
}
