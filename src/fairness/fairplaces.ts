import { ArsiaError, type ErrorCode } from '../core/errors.ts';
import { createFairQueue } from '../core/fairqueue.ts';

/**
 * Runs the task of a tenant when a place is free. Throws the error of `code` and does not run the task when a limit is
 * reached.
 */
export type FairPlaces = <Result>(tenant: string, task: () => Promise<Result>) => Promise<Result>;

export interface FairPlacesOptions {
  /** The name of the tasks in messages: `audit searches`. */
  tasks: string;
  /** Maximum number of tasks that run at the same time. */
  most: number;
  /** The same for one tenant. Less than `most`, so that a tenant whose tasks hang leaves places to the others. */
  mostPerTenant: number;
  /** Maximum number of waiting tasks of all tenants, and of one tenant. */
  maximumWaiting: number;
  maximumWaitingPerTenant: number;
  /** Maximum milliseconds that a task waits. */
  patience: number;
  /**
   * After a task that took longer than `after` milliseconds, its tenant has one place less for `factor` times as long as the
   * task took, at most 2 s. A tenant that sends such tasks continuously leaves most of a core to the others. With `measure:
   * 'loop'` only the time in which the event loop was busy counts, so that a slow database costs a tenant nothing.
   */
  rest?: { measure: 'time' | 'loop'; after: number; factor: number };
  /** Code of the error when a limit is reached. */
  code?: Extract<ErrorCode, 'unavailable' | 'busy'>;
}

/** Seconds. */
const retryAfter = 1;
/** Milliseconds. */
const longestRest = 2_000;

/** Creates places that tenants share. A free place goes to the waiting tenants in rotation, also after a task that failed. */
export function createFairPlaces(options: FairPlacesOptions): FairPlaces {
  const {
    tasks,
    most,
    mostPerTenant,
    maximumWaiting,
    maximumWaitingPerTenant,
    patience,
    rest,
    code = 'unavailable',
  } = options;
  const waiting = createFairQueue<{ enter(): void }>();
  const running = new Map<string, number>();
  let free = most;
  const runningOf = (tenant: string) => running.get(tenant) ?? 0;
  const hasPlace = (tenant: string) => runningOf(tenant) < mostPerTenant;
  const refuse = (detail: string) => new ArsiaError(code, detail, { retry_after: retryAfter });

  function take(tenant: string): void {
    free--;
    running.set(tenant, runningOf(tenant) + 1);
  }

  function admitNext(): void {
    const next = free > 0 ? waiting.take(hasPlace) : undefined;
    if (next === undefined) return;
    take(next.tenant);
    next.item.enter();
  }

  function leave(): void {
    free++;
    admitNext();
  }

  /** Returns a place to the tenant's share. */
  function giveBack(tenant: string): void {
    if (runningOf(tenant) === 1) running.delete(tenant);
    else running.set(tenant, runningOf(tenant) - 1);
    admitNext();
  }

  async function enter(tenant: string): Promise<void> {
    if (free > 0 && hasPlace(tenant)) return take(tenant);
    if (waiting.sizeOf(tenant) >= maximumWaitingPerTenant)
      throw refuse(`${maximumWaitingPerTenant} ${tasks} of this organisation are waiting already.`);
    if (waiting.size >= maximumWaiting) throw refuse(`${maximumWaiting} ${tasks} are waiting already.`);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter = { enter: resolve };
    const timer = setTimeout(() => {
      waiting.remove(tenant, waiter);
      reject(refuse(`No place for ${tasks} became free within ${patience / 1000} seconds.`));
    }, patience);
    waiting.push(tenant, waiter);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  return async (tenant, task) => {
    await enter(tenant);
    const begun = performance.eventLoopUtilization();
    const begunAt = performance.now();
    try {
      return await task();
    } finally {
      const took =
        rest?.measure === 'loop' ? performance.eventLoopUtilization(begun).active : performance.now() - begunAt;
      const isExpensive = rest !== undefined && took > rest.after;
      if (isExpensive) setTimeout(giveBack, Math.min(rest.factor * took, longestRest), tenant).unref();
      else giveBack(tenant);
      leave();
    }
  };
}
