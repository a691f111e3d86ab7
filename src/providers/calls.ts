import { setTimeout as sleep } from 'node:timers/promises';
import { type BulkheadPolicy, BulkheadRejectedError, bulkhead } from 'cockatiel';
import { ArsiaError } from '../core/errors.ts';
import { retryAfterOf } from './faults.ts';

export interface Calls {
  /**
   * Runs `attempt` up to three times within the deadline, a bounded number of them at once per `type`. Throws what the last
   * attempt threw; ArsiaError `cloud_timeout` at the deadline, whether or not the attempt heeds its signal; ArsiaError `busy`
   * when the queue of this type is full.
   */
  run<Result>(
    type: string,
    isTransient: (thrown: unknown) => boolean,
    attempt: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result>;
}

export interface CallOptions {
  /** Of a whole call: its wait in the queue, its tries and the pauses between them. */
  deadline_ms?: number;
  /** Calls at once, per type: a cloud that hangs holds its own places and nobody else's. */
  concurrency?: number;
  /** Calls that wait for a place, per type. */
  queue?: number;
  /** From 0 up to 1. */
  random: () => number;
}

const maximumTries = 3;
/** Full jitter: a random part of this, doubled at each try (milliseconds). */
const firstPause = 200;

export function createCalls({ deadline_ms = 10_000, concurrency = 64, queue = 128, random }: CallOptions): Calls {
  const bulkheads = new Map<string, BulkheadPolicy>();
  const bulkheadOf = (type: string): BulkheadPolicy => {
    const known = bulkheads.get(type) ?? bulkhead(concurrency, queue);
    bulkheads.set(type, known);
    return known;
  };

  return {
    async run(type, isTransient, attempt) {
      const started = performance.now();
      const controller = new AbortController();
      const { signal } = controller;
      const timer = setTimeout(() => controller.abort(), deadline_ms);
      const remaining = () => deadline_ms - (performance.now() - started);
      const pauseAfter = (thrown: unknown, tries: number) =>
        Math.max(random() * firstPause * 2 ** (tries - 1), (retryAfterOf(thrown) ?? 0) * 1000);

      async function tries() {
        for (let count = 1; ; count++) {
          try {
            return await untilAborted(attempt(signal), signal);
          } catch (thrown) {
            if (signal.aborted || count === maximumTries || !isTransient(thrown)) throw thrown;
            const pause = pauseAfter(thrown, count);
            // A pause that outlasts the deadline would turn the cloud's answer into a timeout.
            if (pause >= remaining()) throw thrown;
            await sleep(pause);
          }
        }
      }

      try {
        return await bulkheadOf(type).execute(tries, signal);
      } catch (thrown) {
        if (thrown instanceof BulkheadRejectedError) throw tooBusy(type, concurrency + queue);
        throw signal.aborted ? timedOut(type, deadline_ms, thrown) : thrown;
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** Settles at the abort at the latest: an SDK that ignores its signal would otherwise hold its place for good. */
function untilAborted<Result>(promise: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

function tooBusy(type: string, most: number): ArsiaError {
  return new ArsiaError('busy', `${most} exchanges of type ${type} run or wait already.`, { retry_after: 1 });
}

function timedOut(type: string, deadline: number, cause: unknown): ArsiaError {
  return new ArsiaError('cloud_timeout', `The cloud (${type}) did not answer within ${deadline / 1000} seconds.`, {
    cause,
  });
}
