import { connect } from 'node:net';

export interface RawAnswer {
  status: number;
  headers: string;
  body: string;
}

/**
 * Sends bytes that no client library would send, and resolves with the answer once the server has closed the
 * connection. With `isLast: false` the request does not ask the server to close it.
 */
export function sendRaw(origin: string, head: string[], body = '', { isLast = true } = {}): Promise<RawAnswer> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    // A server that refuses a body may close while it is being sent.
    socket.on('error', (error) => text === '' && reject(error));
    socket.on('close', () => {
      const [headers = '', ...rest] = text.split('\r\n\r\n');
      resolve({ status: Number(headers.split(' ')[1]), headers, body: rest.join('\r\n\r\n') });
    });
    socket.write(`${[...head, ...(isLast ? ['Connection: close'] : [])].join('\r\n')}\r\n\r\n${body}`);
  });
}
