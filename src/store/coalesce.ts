import { AsyncLocalStorage } from 'node:async_hooks';
import { createFairQueue } from '../core/fairqueue.ts';
import { unavailable } from './failures.ts';
import { nested, transactionOf } from './nesting.ts';

export interface CoalesceOptions<Key, Value> {
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
  /** Milliseconds that a request waits for a read to start, at most. */
  patience?: number;
  /** Whose key it is: tenants take turns in each read, and one of them fills at most half of the queue. */
  tenantOf?(key: Key): string;
  /** How much a value costs, and what one read may cost: the values of a tenant are expected to be like its last ones. */
  cost?: CostOptions<Value>;
}

interface CostOptions<Value> {
  of(value: Value): number;
  /** Of a value of a tenant that nothing was read for yet. */
  unknown: number;
  maximum: number;
}

interface Waiter<Key, Value> {
  key: Key;
  since: number;
  resolve(value: Value): void;
  reject(error: unknown): void;
}

/** Tenants whose costs are known at most. */
const maximumTenants = 10_000;

/**
 * Requests share reads, and none sees stale state: a request joins the next read that starts after it arrived, never one
 * under way. `read` answers its keys in their order. A read that fails rejects its own joiners and no others.
 */
export function coalesce<Key, Value>(
  read: (keys: Key[]) => Promise<Value[]>,
  options: CoalesceOptions<Key, Value>,
): (key: Key) => Promise<Value> {
  const { maximumBatch, concurrency, pace = 0, patience = 5_000, tenantOf = () => '' } = options;
  const { maximumWaiting = Number.POSITIVE_INFINITY } = options;
  const maximumOfTenant = options.tenantOf === undefined ? maximumWaiting : maximumWaiting / 2;
  const waiting = createFairQueue<Waiter<Key, Value>>();
  const costs = createCosts(options.cost);
  let underWay = 0;
  let isScheduled = false;
  let started = Number.NEGATIVE_INFINITY;
  // A read serves many: it runs in nobody's context.
  const outside = AsyncLocalStorage.snapshot();

  function schedule(): void {
    if (isScheduled || waiting.size === 0 || underWay >= concurrency) return;
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

  /** Those that join the read that begins now. Reads have deadlines of their own: whoever waited too long is told soon. */
  function takeBatch(): { tenant: string; item: Waiter<Key, Value> }[] {
    const batch: { tenant: string; item: Waiter<Key, Value> }[] = [];
    for (let cost = 0; batch.length < maximumBatch && cost < costs.maximum; ) {
      const next = waiting.take();
      if (next === undefined) break;
      if (started - next.item.since > patience) {
        next.item.reject(unavailable(`The database did not take a request within ${patience / 1000} seconds.`));
        continue;
      }
      batch.push(next);
      cost += costs.expected(next.tenant);
    }
    return batch;
  }

  async function start(): Promise<void> {
    const batch = takeBatch();
    if (batch.length === 0) return;
    underWay++;
    try {
      const values = await read(batch.map(({ item }) => item.key));
      if (values.length !== batch.length) throw new Error('a coalesced read did not answer every key');
      for (const [index, { tenant, item }] of batch.entries()) {
        costs.learn(tenant, values[index]!);
        item.resolve(values[index]!);
      }
    } catch (error) {
      for (const { item } of batch) item.reject(error);
    } finally {
      underWay--;
      schedule();
    }
  }

  return (key) => {
    if (transactionOf.getStore() !== undefined) return Promise.reject(nested());
    const tenant = tenantOf(key);
    if (waiting.size >= maximumWaiting || waiting.sizeOf(tenant) >= maximumOfTenant)
      return Promise.reject(unavailable('Too many requests wait for the database.'));
    return new Promise<Value>((resolve, reject) => {
      waiting.push(tenant, { key, since: performance.now(), resolve, reject });
      schedule();
    });
  };
}

/** What the values of each tenant cost: a dear one counts at once, and is forgotten little by little. */
function createCosts<Value>(options: CostOptions<Value> | undefined) {
  const known = new Map<string, number>();
  if (options === undefined) return { maximum: Number.POSITIVE_INFINITY, expected: () => 0, learn() {} };
  const expected = (tenant: string) => known.get(tenant) ?? options.unknown;
  return {
    maximum: options.maximum,
    expected,
    learn(tenant: string, value: Value): void {
      const cost = options.of(value);
      const before = known.get(tenant) ?? cost;
      known.delete(tenant);
      if (known.size >= maximumTenants) known.delete(known.keys().next().value!);
      known.set(tenant, Math.max(cost, before + (cost - before) / 16));
    },
  };
}
