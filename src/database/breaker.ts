import { unavailable } from './failures.ts';

/** Milliseconds for which callers are refused at once after a failed connect. */
const rest = 1_000;

export interface Breaker {
  /** A connection was made, or one ended. */
  gained(): void;
  lost(): void;
  /** Throws `unavailable` while the server is known to be away. */
  refuseWhileOpen(): void;
  /** Learns from a connect; its failure is `unavailable`. */
  watch<T>(connecting: Promise<T>): Promise<T>;
}

/**
 * Callers of a server that is away hear `unavailable` in a moment, instead of one connection timeout each (threats.md F6);
 * one caller at a time tries again. A live connection keeps the breaker closed: a server that has no more connections to
 * give still answers on those that it gave. `onFault` hears of the first failure only.
 */
export function createBreaker(onFault: (error: Error) => void): Breaker {
  let live = 0;
  let openUntil = 0;
  let isProbing = false;
  return {
    gained() {
      live++;
      openUntil = 0;
    },
    lost() {
      live--;
    },
    refuseWhileOpen() {
      if (live > 0 || openUntil === 0) return;
      if (isProbing || performance.now() < openUntil) throw unavailable('The database does not answer right now.');
      isProbing = true;
    },
    async watch(connecting) {
      try {
        return await connecting;
      } catch (error) {
        if (live === 0) {
          if (openUntil === 0) onFault(error as Error);
          openUntil = performance.now() + rest;
        }
        throw unavailable('The database does not answer right now.', error);
      } finally {
        isProbing = false;
      }
    },
  };
}

/**
 * The value, or `unavailable` after about that many milliseconds in which this process could listen: the time is counted in
 * four parts, so that one long stall of our own event loop does not pass for silence of the server. A value that comes too
 * late goes to `onLate`.
 */
export async function within<T>(promise: Promise<T>, milliseconds: number, onLate: (value: T) => void): Promise<T> {
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
