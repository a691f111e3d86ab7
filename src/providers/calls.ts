import { setTimeout as sleep } from 'node:timers/promises';
import { ArsiaError } from '../core/errors.ts';
import { createFairPlaces, type FairPlaces } from '../fairness/fairplaces.ts';
import { readRetryAfter } from './faults.ts';

/**
 * The endpoint and the organisation of a call. Calls share the places of an endpoint, and one organisation may occupy a part
 * of them.
 */
export interface CallTarget {
  /** The type of the provider, for messages. */
  type: string;
  /** The URL that the token is sent to. */
  endpoint: string;
  /** The id of the organisation. */
  tenant: string;
}

export interface Calls {
  /**
   * Runs `attempt` up to three times within the deadline, a bounded number of them at once per endpoint and organisation.
   * Throws the error of the last attempt; ArsiaError `cloud_timeout` at the deadline, even if the attempt ignores its signal;
   * ArsiaError `busy` when too many calls wait for this endpoint, or none of them ended within half the deadline.
   */
  run<Result>(
    target: CallTarget,
    isTransient: (thrown: unknown) => boolean,
    attempt: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result>;
}

export interface CallOptions {
  /** Milliseconds for a whole call: its wait in the queue, its tries and the pauses between them. */
  deadline_ms?: number;
  /** Concurrent calls per endpoint, so that an endpoint that hangs delays no other. */
  concurrency?: number;
  /** Calls that wait for a place, per endpoint. */
  queue?: number;
  /** The part of both that one organisation may use; all of it in single tenancy. */
  share?: number;
  /** Returns a number from 0 to below 1. */
  random: () => number;
}

const maximumTries = 3;
/** Milliseconds. Full jitter: the pause is a random part of this, which doubles at each try. */
const firstPause = 200;

export function createCalls(options: CallOptions): Calls {
  const { deadline_ms = 10_000, concurrency = 64, queue = 128, share = 0.5, random } = options;
  const placesOf = createEndpoints((host) =>
    createFairPlaces({
      tasks: `exchanges at ${host}`,
      most: concurrency,
      mostPerTenant: Math.ceil(concurrency * share),
      maximumWaiting: queue,
      maximumWaitingPerTenant: Math.ceil(queue * share),
      patience: deadline_ms / 2,
      code: 'busy',
    }),
  );

  return {
    async run({ type, endpoint, tenant }, isTransient, attempt) {
      const started = performance.now();
      const controller = new AbortController();
      const { signal } = controller;
      const timer = setTimeout(() => controller.abort(), deadline_ms);
      const remaining = () => deadline_ms - (performance.now() - started);
      const pauseAfter = (thrown: unknown, tries: number) =>
        Math.max(random() * firstPause * 2 ** (tries - 1), (readRetryAfter(thrown) ?? 0) * 1000);

      async function tries() {
        for (let count = 1; ; count++) {
          try {
            return await untilAborted(attempt(signal), signal);
          } catch (thrown) {
            if (signal.aborted || count === maximumTries || !isTransient(thrown)) throw thrown;
            const pause = pauseAfter(thrown, count);
            // A pause beyond the deadline would replace the cloud's answer by a timeout.
            if (pause >= remaining()) throw thrown;
            await sleep(pause);
          }
        }
      }

      try {
        return await placesOf(new URL(endpoint).host, (places) => places(tenant, tries));
      } catch (thrown) {
        throw signal.aborted ? timedOut(type, deadline_ms, thrown) : thrown;
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** Settles at the abort at the latest: an SDK that ignores its signal would otherwise occupy its place forever. */
function untilAborted<Result>(promise: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** The places of each endpoint, kept while calls use them, since the number of endpoints in identities is not bounded. */
function createEndpoints(create: (host: string) => FairPlaces) {
  const known = new Map<string, { places: FairPlaces; calls: number }>();
  return async <Result>(host: string, use: (places: FairPlaces) => Promise<Result>): Promise<Result> => {
    const endpoint = known.get(host) ?? { places: create(host), calls: 0 };
    known.set(host, endpoint);
    endpoint.calls++;
    try {
      return await use(endpoint.places);
    } finally {
      if (--endpoint.calls === 0) known.delete(host);
    }
  };
}

function timedOut(type: string, deadline: number, cause: unknown): ArsiaError {
  return new ArsiaError('cloud_timeout', `The cloud (${type}) did not answer within ${deadline / 1000} seconds.`, {
    cause,
  });
}
