import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ArsiaError } from '../core/errors.ts';
import type { Config } from './config/config.ts';
import type { Log } from './log.ts';
import type { Timers } from './timers.ts';

/** The life of a server: open, listen, report readiness, drain, close. */
export interface Serving {
  /** Opens, for commands that need no listener; rejects with `unavailable` while the database is away. */
  open(): Promise<void>;
  /** Opens and listens. While the database is away it listens too, is not ready, and retries. */
  start(): Promise<void>;
  /**
   * Rejects when a database that was away comes back and cannot be opened: another sealing key, the schema of a newer release
   * (`start` itself throws that when it meets it at once). A server must not stay up and never become ready. Also rejects when
   * `fatal` does: the process must then end without `stop`.
   */
  failure: Promise<never>;
  /** Becomes not ready, then refuses new connections, then waits for the requests under way, at most 25 s. */
  stop(): Promise<void>;
  /** The address of the listener, once started. */
  address(): AddressInfo;
}

/** A process that listens, or one that runs a command. */
export type Purpose = 'server' | 'command';

export interface ServingParts {
  config: Pick<Config, 'listen' | 'shutdownDelay'>;
  log: Log;
  timers: Timers;
  /** Rejects when an open server must end: another process may have opened its embedded database, or its issuer was changed. */
  fatal: Promise<never>;
  /** Prepares what only a listener needs; called before `open`. */
  prepare(): Promise<void>;
  /** Does what needs the database. Rejects with `unavailable` while it is away, and may then be called again. */
  open(purpose: Purpose): Promise<void>;
  /** Returns why an open server is not ready; undefined when it is. */
  fault(): Promise<string | undefined>;
  close(): Promise<void>;
  /** Makes what answers requests. `readiness` returns why the server is not ready; undefined when it is. */
  createListener(readiness: () => Promise<string | undefined>): RequestListener;
}

/** Milliseconds. */
const retryInterval = 1000;
const drainLimit = 25_000;

export function createServing({ config, log, timers, fault, close, createListener, ...parts }: ServingParts): Serving {
  let isDraining = false;
  let isOpen = false;
  let reason = 'the database was not reached yet';
  const listener = createServer({ requestTimeout: 30_000, headersTimeout: 10_000, keepAliveTimeout: 65_000 });
  const failure = Promise.withResolvers<never>();
  // Without this, a caller that does not wait for the promise would end by an unhandled rejection.
  failure.promise.catch(() => {});
  parts.fatal.catch(failure.reject);

  async function open(): Promise<void> {
    await parts.open('server');
    isOpen = true;
  }

  const answer = createListener(async () => {
    if (isDraining) return 'shutting down';
    return isOpen ? await fault() : reason;
  });
  listener.on('request', (request, response) => {
    if (isDraining) response.setHeader('Connection', 'close');
    answer(request, response);
  });

  return {
    open: () => parts.open('command'),
    failure: failure.promise,
    address: () => listener.address() as AddressInfo,
    async start() {
      await parts.prepare();
      await open().catch((thrown) => {
        if (!(thrown instanceof ArsiaError && thrown.code === 'unavailable')) throw thrown;
        reason = thrown.message;
        log.error({ err: thrown }, 'the database is away: not ready, trying on');
        timers.retry(retryInterval, open, failure.reject);
      });
      await listen(listener, config.listen);
    },
    async stop() {
      if (isDraining) return;
      isDraining = true;
      if (listener.listening) {
        // Load balancers must have seen the 503 before connections are refused (threats.md M11).
        await new Promise((done) => setTimeout(done, config.shutdownDelay * 1000));
        await drain(listener);
      }
      await timers.stop();
      await close();
    },
  };
}

function listen(listener: Server, { host, port }: Config['listen']): Promise<void> {
  return new Promise((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(port, host, () => {
      listener.off('error', reject);
      resolve();
    });
  });
}

async function drain(listener: Server): Promise<void> {
  const closed = new Promise((done) => listener.close(done));
  listener.closeIdleConnections();
  const limit = setTimeout(() => listener.closeAllConnections(), drainLimit);
  await closed;
  clearTimeout(limit);
}
