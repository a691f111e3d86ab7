import { unavailable } from './failures.ts';

/** Milliseconds for which callers are refused without an attempt after a failed connect. */
const pause = 1_000;

export interface Breaker {
  /** Counts a new connection. */
  connectionOpened(): void;
  /** Counts a closed connection. */
  connectionClosed(): void;
  /** Throws `unavailable` while the breaker is open. */
  refuseWhileOpen(): void;
  /** Returns the connection and records whether the connect failed. Throws `unavailable` when it did. */
  watch<T>(connecting: Promise<T>): Promise<T>;
}

/**
 * Creates a circuit breaker. While the server is unreachable, callers get `unavailable` at once instead of one connection
 * timeout each (threats.md F6), and one caller at a time tries to connect. An open connection keeps the breaker closed: a
 * server at its connection limit still answers on the existing ones. `onFault` is called for the first failure only.
 */
export function createBreaker(onFault: (error: Error) => void): Breaker {
  let live = 0;
  let openUntil = 0;
  let isProbing = false;
  return {
    connectionOpened() {
      live++;
      openUntil = 0;
    },
    connectionClosed() {
      live--;
    },
    refuseWhileOpen() {
      if (live > 0 || openUntil === 0) return;
      if (isProbing || performance.now() < openUntil) throw unavailable('The database does not respond at the moment.');
      isProbing = true;
    },
    async watch(connecting) {
      try {
        return await connecting;
      } catch (error) {
        if (live === 0) {
          if (openUntil === 0) onFault(error as Error);
          openUntil = performance.now() + pause;
        }
        throw unavailable('The database does not respond at the moment.', error);
      } finally {
        isProbing = false;
      }
    },
  };
}

/**
 * Returns the value of the promise, or throws `unavailable` after a time limit. The limit is measured by four timers in
 * sequence, so that one long stall of the event loop does not count as silence of the server. A later value goes to `onLate`.
 */
export async function limitWait<T>(promise: Promise<T>, milliseconds: number, onLate: (value: T) => void): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  let timer: NodeJS.Timeout | undefined;
  const wait = (parts: number) => {
    timer = setTimeout(() => {
      if (parts > 1) return wait(parts - 1);
      promise.then(onLate, () => {});
      reject(unavailable('No connection to the database became free in time.'));
    }, milliseconds / 4);
  };
  wait(4);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
