import { AsyncLocalStorage } from 'node:async_hooks';
import { unavailable } from './failures.ts';
import { nested, transactionOf } from './nesting.ts';

export interface CoalesceOptions {
  /** Keys that one read takes at most. */
  maximumBatch: number;
  /** Reads under way at the same time. */
  concurrency: number;
  /** Requests that wait for a read to start, at most; one more is `unavailable`. */
  maximumWaiting?: number;
  /**
   * Milliseconds from the start of one read to that of the next, at the least. A read has a price whatever it carries: under
   * load a short wait fills it, and one that comes alone never waits.
   */
  pace?: number;
}

interface Waiter<Key, Value> {
  key: Key;
  resolve(value: Value): void;
  reject(error: unknown): void;
}

/**
 * Requests share reads, and none sees stale state: a request joins the next read that starts after it arrived, never one
 * under way. `read` answers its keys in their order. A read that fails rejects its own joiners and no others.
 */
export function coalesce<Key, Value>(
  read: (keys: Key[]) => Promise<Value[]>,
  { maximumBatch, concurrency, maximumWaiting = Number.POSITIVE_INFINITY, pace = 0 }: CoalesceOptions,
): (key: Key) => Promise<Value> {
  let waiting: Waiter<Key, Value>[] = [];
  let underWay = 0;
  let isScheduled = false;
  let started = Number.NEGATIVE_INFINITY;
  // A read serves many: it runs in nobody's context.
  const outside = AsyncLocalStorage.snapshot();

  function schedule(): void {
    if (isScheduled || waiting.length === 0 || underWay >= concurrency) return;
    isScheduled = true;
    const rest = started + pace - performance.now();
    if (rest > 0) setTimeout(begin, rest);
    // After the events of this turn: what arrived on other sockets meanwhile joins.
    else setImmediate(begin);
  }

  function begin(): void {
    isScheduled = false;
    started = performance.now();
    void outside(start);
    schedule();
  }

  async function start(): Promise<void> {
    const batch = waiting.slice(0, maximumBatch);
    waiting = waiting.slice(maximumBatch);
    underWay++;
    try {
      const values = await read(batch.map((waiter) => waiter.key));
      if (values.length !== batch.length) throw new Error('a coalesced read did not answer every key');
      for (const [index, waiter] of batch.entries()) waiter.resolve(values[index]!);
    } catch (error) {
      for (const waiter of batch) waiter.reject(error);
    } finally {
      underWay--;
      schedule();
    }
  }

  return (key) => {
    if (transactionOf.getStore() !== undefined) return Promise.reject(nested());
    if (waiting.length >= maximumWaiting)
      return Promise.reject(unavailable('Too many requests wait for the database.'));
    return new Promise<Value>((resolve, reject) => {
      waiting.push({ key, resolve, reject });
      schedule();
    });
  };
}
