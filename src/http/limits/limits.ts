import { hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { BurstyRateLimiter, RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { ArsiaError, asArsiaError } from '../../core/errors.ts';
import type { CheckCredential, PresentedCredential } from '../../services/machines/livecredentials.ts';
import type { HttpRequest } from '../kernel/request.ts';
import type { TrustedProxies } from './address.ts';
import { presented } from './credential.ts';
import { createRecognition } from './recognition.ts';

/** Reads the credential of a request, for the key of its limit; undefined where there is none. */
export type ReadCredential = (request: IncomingMessage) => Promise<PresentedCredential | undefined>;

/** Result of a request for its credential: `untried` when the request was refused for another reason. */
export type Outcome = 'opened' | 'refused' | 'untried' | 'undecided';

export interface LimitSettings {
  /** Requests a second that one caller may send, doubled once in 10 seconds; 0 turns the limits off. */
  rate: number;
  trustedProxies: TrustedProxies;
}

/** The part of a request that limits read, and the headers of its answer, to which they add what is left. */
export type LimitedRequest = Pick<HttpRequest, 'message' | 'headers' | 'origin'>;

export interface Limits {
  /**
   * Counts a request before anything else is read from it, then does `work` and returns its result. Throws ArsiaError
   * `too_many_requests`. `outcomeOf` gets what `work` threw, or undefined.
   */
  within<Result>(
    request: LimitedRequest,
    read: ReadCredential,
    work: () => Promise<Result>,
    outcomeOf: (thrown: unknown) => Outcome,
  ): Promise<Result>;
}

/** Seconds in which the rate may be doubled once. */
const burstWindow = 10;

/**
 * Creates the limits per caller, which each replica keeps in memory. A caller is a credential, or an address where none is
 * sent. An address that sends many invalid credentials is limited, except for credentials that this replica or the database
 * knows, so that others behind the same address are served.
 */
export function createLimits({ rate }: Pick<LimitSettings, 'rate'>, check: CheckCredential): Limits {
  const callers = new BurstyRateLimiter(
    new RateLimiterMemory({ points: rate, duration: 1 }),
    new RateLimiterMemory({ points: rate, duration: burstWindow }),
  );
  const failures = new RateLimiterMemory({ points: rate, duration: 1 });
  const recognition = createRecognition(check);

  async function admit(
    request: LimitedRequest,
    key: string,
    credential: PresentedCredential | undefined,
    address: string,
  ) {
    const failed = credential === undefined || recognition.isKnown(key) ? null : await failures.get(address);
    // Only where the address is over its limit: a look-up for each unknown credential would cost the database twice.
    if (failed !== null && failed.consumedPoints >= rate && !(await recognition.recognise(key, credential!, address)))
      throw tooMany(failed.msBeforeNext);
    try {
      setHeaders(request, await callers.consume(key));
    } catch (thrown) {
      if (!(thrown instanceof RateLimiterRes)) throw thrown;
      setHeaders(request, thrown);
      throw tooMany(thrown.msBeforeNext);
    }
  }

  /** draft-ietf-httpapi-ratelimit-headers: the quota, what is left of it, and the seconds until it is whole again. */
  function setHeaders({ headers }: LimitedRequest, { remainingPoints, msBeforeNext }: RateLimiterRes): void {
    const seconds = Math.max(1, Math.ceil(msBeforeNext / 1000));
    headers['ratelimit-policy'] = `"caller";q=${rate};w=1`;
    headers.ratelimit = `"caller";r=${remainingPoints};t=${seconds}`;
  }

  function learn(key: string, address: string, outcome: Outcome): void {
    if (outcome === 'undecided') return;
    // Not verified yet, and the next request could send another one.
    if (outcome === 'untried') {
      if (!recognition.isKnown(key)) void failures.penalty(address);
    } else if (outcome === 'refused') {
      recognition.forget(key);
      void failures.penalty(address);
    } else recognition.remember(key);
  }

  return {
    async within(request, read, work, outcomeOf) {
      if (rate === 0) return await work();
      const address = request.origin.client_address ?? '';
      const credential = await read(request.message);
      const key = credential === undefined ? address : keyOf(credential, address);
      await admit(request, key, credential, address);
      let thrown: unknown;
      try {
        return await work();
      } catch (error) {
        thrown = error;
        throw error;
      } finally {
        if (credential !== undefined) learn(key, address, outcomeOf(thrown));
      }
    },
  };
}

/**
 * Returns the key of a credential. Each assertion differs, and the account that it names is unproven, so it counts for that
 * account from that address. The kind is part of the key, so that no other credential can be made to count as an assertion.
 */
function keyOf({ text, isAssertion }: PresentedCredential, address: string): string {
  return hash('sha256', isAssertion ? `assertion ${address} ${text}` : `opaque ${text}`, 'base64');
}

/** Reads the bearer token of a request to the API, without its scheme, so that a job counts once here and at /oauth2. */
export const readBearer: ReadCredential = async ({ headers }) =>
  presented(headers.authorization?.replace(/^Bearer +/i, ''));

export function outcomeOfApi(thrown: unknown, answered: number): Outcome {
  const status = thrown === undefined ? answered : asArsiaError(thrown).row.status;
  return status === 401 ? 'refused' : outcomeBy(status);
}

export function outcomeBy(status: number): Outcome {
  return status < 400 ? 'opened' : status < 500 ? 'untried' : 'undecided';
}

function tooMany(milliseconds: number): ArsiaError {
  return new ArsiaError('too_many_requests', 'This caller sends more requests in a second than it may.', {
    retry_after: Math.max(1, Math.ceil(milliseconds / 1000)),
  });
}
