import { ArsiaError, type ErrorCode } from '../core/errors.ts';
import { createFairQueue } from '../core/fairqueue.ts';

/**
 * Runs the task of a tenant when a place is free for it. Where a limit is reached, throws as `code` says and does not run
 * the task.
 */
export type FairPlaces = <Result>(tenant: string, task: () => Promise<Result>) => Promise<Result>;

export interface FairPlacesOptions {
  /** The name of the tasks in messages: `audit searches`. */
  of: string;
  /** Tasks at once. */
  most: number;
  /** Tasks at once of one tenant: less than `most`, so that a tenant whose tasks hang leaves places to the others. */
  mostPerTenant: number;
  /** Tasks that wait for a place, of all tenants and of one. */
  maximumWaiting: number;
  maximumWaitingPerTenant: number;
  /** Milliseconds that a task waits at most. */
  patience: number;
  /**
   * After a task that took longer than `after` milliseconds, its tenant has one place less for `factor` times as long as the
   * task took, at most 2 s. So a tenant that sends such tasks all the time leaves most of a core to the others. Of the kind
   * `loop`, only the time counts in which the event loop was busy: waiting for a slow database costs a tenant nothing.
   */
  rest?: { of: 'time' | 'loop'; after: number; factor: number };
  /** Code of the error that is thrown when one of the three limits is reached. */
  code?: Extract<ErrorCode, 'unavailable' | 'busy'>;
}

/** Seconds. */
const retryAfter = 1;
/** Milliseconds. */
const longestRest = 2_000;

/** Shares places among tenants. A free place goes to the waiting tenants in turn. A task that fails gives its place back. */
export function createFairPlaces(options: FairPlacesOptions): FairPlaces {
  const {
    of,
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
  const hasRoom = (tenant: string) => runningOf(tenant) < mostPerTenant;
  const refuse = (detail: string) => new ArsiaError(code, detail, { retry_after: retryAfter });

  function take(tenant: string): void {
    free--;
    running.set(tenant, runningOf(tenant) + 1);
  }

  function admitNext(): void {
    const next = free > 0 ? waiting.take(hasRoom) : undefined;
    if (next === undefined) return;
    take(next.tenant);
    next.item.enter();
  }

  function leave(): void {
    free++;
    admitNext();
  }

  /** Lets the tenant take another place. */
  function giveBack(tenant: string): void {
    if (runningOf(tenant) === 1) running.delete(tenant);
    else running.set(tenant, runningOf(tenant) - 1);
    admitNext();
  }

  async function enter(tenant: string): Promise<void> {
    if (free > 0 && hasRoom(tenant)) return take(tenant);
    if (waiting.sizeOf(tenant) >= maximumWaitingPerTenant)
      throw refuse(`${maximumWaitingPerTenant} ${of} of this organisation wait already.`);
    if (waiting.size >= maximumWaiting) throw refuse(`${maximumWaiting} ${of} wait already.`);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter = { enter: resolve };
    const timer = setTimeout(() => {
      waiting.remove(tenant, waiter);
      reject(refuse(`No place for ${of} became free within ${patience / 1000} seconds.`));
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
      const took = rest?.of === 'loop' ? performance.eventLoopUtilization(begun).active : performance.now() - begunAt;
      const isDear = rest !== undefined && took > rest.after;
      if (isDear) setTimeout(giveBack, Math.min(rest.factor * took, longestRest), tenant).unref();
      else giveBack(tenant);
      leave();
    }
  };
}
