import { unavailable } from './failures.ts';

export type Places = <Result>(task: () => Promise<Result>) => Promise<Result>;

/**
 * Runs at most `most` tasks at once, the others in the order of asking; throws `unavailable` where `maximumWaiting` wait already.
 * For what holds a connection for long, or to no end while others do the same: the mint must find one.
 */
export function createPlaces({ most, maximumWaiting }: { most: number; maximumWaiting: number }): Places {
  const waiting: (() => void)[] = [];
  let free = most;

  async function enter(): Promise<void> {
    if (free > 0) {
      free--;
      return;
    }
    if (waiting.length >= maximumWaiting) throw unavailable('Too many requests wait for the database.');
    await new Promise<void>((resolve) => waiting.push(resolve));
  }

  /** The place goes to whoever waits longest, and is free only where nobody does. */
  function leave(): void {
    const next = waiting.shift();
    if (next === undefined) free++;
    else next();
  }

  return async (task) => {
    await enter();
    try {
      return await task();
    } finally {
      leave();
    }
  };
}
