import type { ClientRequest } from 'node:http';
import { Agent } from 'node:https';
import { connect, type Socket } from 'node:net';
import { Duplex } from 'node:stream';

type Options = Parameters<Agent['createConnection']>[0];

/** The proxy opened no tunnel. The message has no text of the proxy: it may repeat the password. */
export class TunnelError extends Error {
  readonly code = 'ERR_PROXY_TUNNEL';

  constructor(what: string, cause?: unknown) {
    super(`The proxy of ARSIA_OUTBOUND_PROXY ${what}.`, { cause });
  }
}

/** Bytes of the proxy's answer. */
const maximumAnswer = 16 * 1024;
/** Milliseconds until the proxy has opened the tunnel. Most requests have a deadline of their own, which is shorter. */
const deadline = 30_000;

/**
 * An agent whose connections are tunnels through a proxy (CONNECT, RFC 9110 9.3.6). Node's own tunnel reads an answer of any
 * length, and a request that is aborted before the tunnel is open does not end.
 */
export class TunnelAgent extends Agent {
  readonly #proxy: { host: string; port: number };
  readonly #authorization: string;
  readonly #below = new WeakMap<Duplex, TunnelSocket>();

  /** `proxy`: `http://` with host and port, and user and password if it needs them. */
  constructor(proxy: string, options: ConstructorParameters<typeof Agent>[0]) {
    super(options);
    const { hostname, port, username, password } = new URL(proxy);
    this.#proxy = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 80) };
    const credentials = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
    this.#authorization = username === '' ? '' : `Proxy-Authorization: Basic ${credentials.toString('base64')}\r\n`;
  }

  override createConnection(options: Options, ...rest: unknown[]) {
    const { host, port } = options as { host: string; port?: number | string };
    const target = `${host.includes(':') ? `[${host}]` : host}:${port || 443}`;
    const request = `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${this.#authorization}\r\n`;
    const socket = new TunnelSocket(connect(this.#proxy), request);
    const connection = super.createConnection({ ...options, socket } as Options, ...(rest as []))!;
    this.#below.set(connection, socket);
    return connection;
  }

  /** A connection without a request must not keep the process alive. Node tells only the socket above the tunnel. */
  override keepSocketAlive(connection: Duplex): boolean {
    this.#below.get(connection)?.unref();
    return super.keepSocketAlive(connection) as unknown as boolean;
  }

  override reuseSocket(connection: Duplex, request: ClientRequest): void {
    this.#below.get(connection)?.ref();
    super.reuseSocket(connection, request);
  }
}

/** The stream inside the tunnel. What is written before the tunnel is open waits. */
class TunnelSocket extends Duplex {
  readonly #socket: Socket;
  readonly #timer: NodeJS.Timeout;
  #answer = '';
  #isOpen = false;
  #waiting: (() => void) | undefined;

  constructor(socket: Socket, request: string) {
    super();
    this.#socket = socket;
    this.#timer = setTimeout(() => this.destroy(new TunnelError('opened no tunnel in time')), deadline);
    socket
      .on('data', (chunk: Buffer) => (this.#isOpen ? this.#pass(chunk) : this.#readAnswer(chunk)))
      .on('end', () => this.#end())
      .on('error', (thrown: NodeJS.ErrnoException) =>
        this.destroy(
          this.#isOpen ? thrown : new TunnelError(`could not be used (${thrown.code ?? thrown.name})`, thrown),
        ),
      )
      .on('close', () => this.destroy())
      .write(request);
  }

  ref(): void {
    this.#socket.ref();
  }

  unref(): void {
    this.#socket.unref();
  }

  #pass(chunk: Buffer): void {
    if (!this.push(chunk)) this.#socket.pause();
  }

  #end(): void {
    if (this.#isOpen) this.push(null);
    else this.destroy(new TunnelError('ended the connection without an answer'));
  }

  #readAnswer(chunk: Buffer): void {
    this.#answer += chunk.toString('latin1');
    const fault = findAnswerFault(this.#answer);
    if (fault !== undefined) this.destroy(new TunnelError(fault));
    else if (this.#answer.endsWith('\r\n\r\n')) {
      this.#isOpen = true;
      clearTimeout(this.#timer);
      this.#waiting?.();
    }
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const write = () => this.#socket.write(chunk, done);
    if (this.#isOpen) write();
    else this.#waiting = write;
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(thrown: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.#timer);
    this.#socket.destroy();
    done(thrown);
  }
}

/** Returns what is wrong with the answer as far as it has come. */
function findAnswerFault(answer: string): string | undefined {
  if (answer.length > maximumAnswer) return `sent an answer of over ${maximumAnswer} bytes`;
  const end = answer.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const status = /^HTTP\/1\.[01] (\d{3})(?: |\r)/.exec(answer)?.[1];
  if (status === undefined) return 'sent no HTTP answer';
  if (status !== '200') return `answered ${status}`;
  // The client speaks first in TLS, so these bytes are not of the host.
  return end + 4 < answer.length ? 'sent bytes after its answer' : undefined;
}
