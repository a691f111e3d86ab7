import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ArsiaError } from '../core/errors.ts';
import type { Config } from './config/config.ts';
import type { Log } from './log.ts';
import type { Timers } from './timers.ts';

/** The life of a server: it opens, listens, says whether it is ready, and ends in order. */
export interface Serving {
  /** Opens, for commands that need no listener; rejects with `unavailable` while the database is away. */
  open(): Promise<void>;
  /** Opens and listens. With the database away it listens all the same, not ready, and goes on trying. */
  start(): Promise<void>;
  /**
   * Rejects when the database is there at last and cannot be opened: another sealing key, the schema of a newer release. A
   * start that meets this at once throws it; one that had to wait must not stay up and not ready for ever. Rejects as well
   * with what `lost` rejects with: the process must end without `stop`.
   */
  failure: Promise<never>;
  /** Not ready first, then no new connections, then the end of what is under way; at most 25 s. */
  stop(): Promise<void>;
  /** Where it listens, once started. */
  address(): AddressInfo;
}

export interface ServingParts {
  config: Pick<Config, 'listen' | 'shutdownDelay'>;
  log: Log;
  timers: Timers;
  /** Rejects when the database is another process's from now on. */
  lost: Promise<never>;
  /** Prepares what only a listener needs, before it opens. */
  prepare(): Promise<void>;
  /** All that needs the database. Rejects with `unavailable` while it is away, and may then be called again. */
  open(): Promise<void>;
  /** What is wrong although it is open; undefined when nothing is. */
  fault(): Promise<string | undefined>;
  close(): Promise<void>;
  /** What answers; it is given why the server is not ready, undefined when it is. */
  answering(readiness: () => Promise<string | undefined>): RequestListener;
}

/** Milliseconds. */
const retryInterval = 1000;
const drainLimit = 25_000;

export function createServing({ config, log, timers, fault, close, answering, ...parts }: ServingParts): Serving {
  let isDraining = false;
  let isOpen = false;
  let waiting = 'the database was not reached yet';
  const listener = createServer({ requestTimeout: 30_000, headersTimeout: 10_000, keepAliveTimeout: 65_000 });
  const failure = Promise.withResolvers<never>();
  // Whoever does not wait for it must not end by an unhandled rejection.
  failure.promise.catch(() => {});
  parts.lost.catch(failure.reject);

  async function open(): Promise<void> {
    await parts.open();
    isOpen = true;
  }

  const answer = answering(async () => {
    if (isDraining) return 'shutting down';
    return isOpen ? await fault() : waiting;
  });
  listener.on('request', (request, response) => {
    if (isDraining) response.setHeader('Connection', 'close');
    answer(request, response);
  });

  return {
    open,
    failure: failure.promise,
    address: () => listener.address() as AddressInfo,
    async start() {
      await parts.prepare();
      await open().catch((thrown) => {
        if (!(thrown instanceof ArsiaError && thrown.code === 'unavailable')) throw thrown;
        waiting = thrown.message;
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
