import { AsyncLocalStorage } from 'node:async_hooks';
import { createFairQueue, type FairQueue } from '../core/fairqueue.ts';
import { unavailable } from './failures.ts';
import { createNestingError, currentTransaction } from './nesting.ts';

export interface CoalesceOptions<Key, Value> {
  /** Keys that one read takes at most. */
  maximumBatch: number;
  /** Reads under way at the same time. */
  concurrency: number;
  /** Requests that wait for a read to start, at most; one more is `unavailable`. */
  maximumWaiting?: number;
  /**
   * Minimum time in milliseconds from the start of one read to the start of the next. Each read has a fixed cost. Under load a
   * short wait fills the read; a single request does not wait.
   */
  pace?: number;
  /** Milliseconds that a request waits for a read to start, at most. */
  patience?: number;
  /** Returns the tenant of a key. Tenants take turns in each read, and one of them fills at most half of the queue. */
  tenantOf?(key: Key): string;
  /** The cost of a value, and the limits of a read. A tenant's next value is expected to cost what its last values did. */
  cost?: CostOptions<Value>;
}

interface CostOptions<Value> {
  of(value: Value): number;
  /** Expected cost of a tenant's first value. */
  unknown: number;
  /** Most cost of one read. */
  maximum: number;
  /** Most cost of one tenant in a second. Keys beyond it wait. */
  maximumPerSecond: number;
}

interface Waiter<Key, Value> {
  key: Key;
  since: number;
  resolve(value: Value): void;
  reject(error: unknown): void;
}

interface Taken<Key, Value> {
  tenant: string;
  item: Waiter<Key, Value>;
  charged: number;
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
  let isResting = false;
  let started = Number.NEGATIVE_INFINITY;
  // A read serves many requests, so it must not run in the async context of one of them.
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
    const batch = takeBatch(waiting, costs, started, { maximumBatch, patience });
    if (batch.length === 0) rest();
    else {
      void outside(() => start(batch));
      schedule();
    }
  }

  /** Schedules another look soon, where all waiting keys are of tenants beyond their limit. */
  function rest(): void {
    if (isResting || waiting.size === 0) return;
    isResting = true;
    setTimeout(() => {
      isResting = false;
      schedule();
    }, debtPause);
  }

  async function start(batch: Taken<Key, Value>[]): Promise<void> {
    underWay++;
    try {
      const values = await read(batch.map(({ item }) => item.key));
      if (values.length !== batch.length) throw new Error('a coalesced read did not answer every key');
      for (const [index, { tenant, item, charged }] of batch.entries()) {
        costs.learn(tenant, values[index]!, charged);
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
    if (currentTransaction.getStore() !== undefined) return Promise.reject(createNestingError());
    const tenant = tenantOf(key);
    if (waiting.size >= maximumWaiting || waiting.sizeOf(tenant) >= maximumOfTenant)
      return Promise.reject(unavailable('Too many requests wait for the database.'));
    return new Promise<Value>((resolve, reject) => {
      waiting.push(tenant, { key, since: performance.now(), resolve, reject });
      schedule();
    });
  };
}

/** Takes the keys of the read that begins at `started`. Keys that waited too long are rejected. */
function takeBatch<Key, Value>(
  waiting: FairQueue<Waiter<Key, Value>>,
  costs: ReturnType<typeof createCosts<Value>>,
  started: number,
  { maximumBatch, patience }: { maximumBatch: number; patience: number },
): Taken<Key, Value>[] {
  const batch: Taken<Key, Value>[] = [];
  for (let cost = 0; batch.length < maximumBatch && cost < costs.maximum; ) {
    const next = waiting.take(costs.isSolvent);
    if (next === undefined) break;
    if (started - next.item.since > patience) {
      next.item.reject(unavailable(`The database did not take a request within ${patience / 1000} seconds.`));
      continue;
    }
    const charged = costs.spend(next.tenant);
    batch.push({ ...next, charged });
    cost += charged;
  }
  return batch;
}

/** Milliseconds. */
const debtPause = 5;
/** Milliseconds of what a tenant may spend that it may spend at once. */
const burst = 100;

/** Learns what the values of each tenant cost. A costly value counts at once; the estimate falls slowly. */
function createCosts<Value>(options: CostOptions<Value> | undefined) {
  if (options === undefined)
    return { maximum: Number.POSITIVE_INFINITY, isSolvent: () => true, spend: () => 0, learn() {} };
  const { of, unknown, maximum, maximumPerSecond } = options;
  /** `expected`: cost of the next value, undefined before the first. `paid`: when the tenant is within its limit again. */
  interface Account {
    expected: number | undefined;
    paid: number;
  }
  const known = new Map<string, Account>();
  const accountOf = (tenant: string): Account => known.get(tenant) ?? { expected: undefined, paid: 0 };
  const keep = (tenant: string, account: Account) => {
    known.delete(tenant);
    if (known.size >= maximumTenants) known.delete(known.keys().next().value!);
    known.set(tenant, account);
  };
  return {
    maximum,
    isSolvent: (tenant: string) => accountOf(tenant).paid <= performance.now() + burst,
    spend(tenant: string): number {
      const { expected, paid } = accountOf(tenant);
      const cost = expected ?? unknown;
      keep(tenant, { expected, paid: Math.max(paid, performance.now()) + (cost / maximumPerSecond) * 1000 });
      return cost;
    },
    learn(tenant: string, value: Value, charged: number): void {
      const cost = of(value);
      const { expected: before = cost, paid } = accountOf(tenant);
      // It was charged what was expected: one dear value must not make the tenant pay for the cheap ones that follow.
      const due = paid + ((cost - charged) / maximumPerSecond) * 1000;
      keep(tenant, { expected: Math.max(cost, before + (cost - before) / 16), paid: due });
    },
  };
}
