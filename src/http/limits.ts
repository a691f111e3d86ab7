import { hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type Koa from 'koa';
import { BurstyRateLimiter, RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { ArsiaError, asArsiaError } from '../core/errors.ts';
import { createAddressReader, hostOf, type TrustedProxies } from './address.ts';
import type { RequestState } from './app.ts';
import { type ProvedBy, readFormCredential } from './credential.ts';

export interface LimitSettings {
  /** Requests in a second that one caller may send, twice as many now and then; 0: any number. */
  rate: number;
  trustedProxies: TrustedProxies;
}

/** What a request says of who sends it: an opaque credential, hashed before it is kept, or nothing. */
export type ReadCredential = (request: IncomingMessage, address: string) => Promise<string | undefined>;

/** What became of the credential of a request: `untried` when the request was refused for something else. */
export type Outcome = 'opened' | 'refused' | 'untried' | 'undecided';

/** A request and where the headers of its answer go. */
export interface Limited {
  req: IncomingMessage;
  set(name: string, value: string): void;
}

export interface Limits {
  /**
   * Counts a request before it is looked at, then does `work`. Throws ArsiaError `too_many_requests`; the answer's headers
   * say what is left. `outcomeOf` gets what `work` threw.
   */
  within(
    ctx: Limited,
    read: ReadCredential,
    work: () => Promise<unknown>,
    outcomeOf: (thrown: unknown) => Outcome,
  ): Promise<void>;
}

/** Seconds in which the rate may be doubled once. */
const burstWindow = 10;
/** Credentials that opened something lately; the oldest are forgotten first. */
const maximumKnown = 50_000;

/**
 * Limits per caller, held in memory by each replica. A caller is the credential that it sends, else its address. An address
 * that sends many credentials which open nothing has to wait, but for those that are known to be good: nobody is kept out by
 * a neighbour behind the same address.
 */
export function createLimits({ rate, trustedProxies }: LimitSettings): Limits {
  const addressOf = createAddressReader(trustedProxies);
  const callers = new BurstyRateLimiter(
    new RateLimiterMemory({ points: rate, duration: 1 }),
    new RateLimiterMemory({ points: rate, duration: burstWindow }),
  );
  const failures = new RateLimiterMemory({ points: rate, duration: 1 });
  const known = new Set<string>();

  async function admit(ctx: Limited, key: string, isUnknown: boolean, address: string) {
    const failed = isUnknown ? await failures.get(address) : null;
    if (failed !== null && failed.consumedPoints >= rate) throw tooMany(failed.msBeforeNext);
    try {
      tell(ctx, await callers.consume(key));
    } catch (thrown) {
      if (!(thrown instanceof RateLimiterRes)) throw thrown;
      tell(ctx, thrown);
      throw tooMany(thrown.msBeforeNext);
    }
  }

  /** draft-ietf-httpapi-ratelimit-headers: the quota, what is left of it, and the seconds until it is whole again. */
  function tell(ctx: Limited, { remainingPoints, msBeforeNext }: RateLimiterRes): void {
    const seconds = Math.max(1, Math.ceil(msBeforeNext / 1000));
    ctx.set('ratelimit-policy', `"caller";q=${rate};w=1`);
    ctx.set('ratelimit', `"caller";r=${remainingPoints};t=${seconds}`);
  }

  function learn(key: string, address: string, outcome: Outcome): void {
    if (outcome === 'undecided') return;
    // Nobody knows yet whether it is a good one, and the next request could bring another that nobody knows.
    if (outcome === 'untried') {
      if (!known.has(key)) void failures.penalty(address);
      return;
    }
    known.delete(key);
    if (outcome === 'refused') void failures.penalty(address);
    else known.add(key);
    if (known.size > maximumKnown) known.delete(known.values().next().value!);
  }

  return {
    async within(ctx, read, work, outcomeOf) {
      if (rate === 0) return void (await work());
      const address = hostOf(addressOf(ctx.req));
      const credential = await read(ctx.req, address);
      const key = credential === undefined ? address : hash('sha256', credential, 'base64');
      await admit(ctx, key, credential !== undefined && !known.has(key), address);
      let thrown: unknown;
      try {
        await work();
      } catch (error) {
        thrown = error;
        throw error;
      } finally {
        if (credential !== undefined) learn(key, address, outcomeOf(thrown));
      }
    },
  };
}

/** For the API: a bearer token is who asks, without its scheme: a job that comes by /oauth2 as well is one caller. */
export const readBearer: ReadCredential = async ({ headers }) => headers.authorization?.replace(/^Bearer +/i, '');

export function outcomeOfApi(thrown: unknown, answered: number): Outcome {
  const status = thrown === undefined ? answered : asArsiaError(thrown).row.status;
  return status === 401 ? 'refused' : outcomeBy(status);
}

export function limitCallers(limits: Limits): Koa.Middleware<RequestState> {
  return (ctx, next) =>
    limits.within(ctx, readBearer, next, (thrown) =>
      // The methods of a path are told to everybody, whatever token comes with the question.
      ctx.method === 'OPTIONS' ? 'untried' : outcomeOfApi(thrown, ctx.status),
    );
}

/** For the authorization server, which is told no more than that it is to answer: refusals here are OAuth's. */
export async function limitClients(
  limits: Limits,
  ctx: Koa.ParameterizedContext<RequestState>,
  provedBy: ProvedBy,
  answer: () => Promise<void>,
): Promise<void> {
  const outcome = () => {
    const { statusCode } = ctx.res;
    return statusCode === 400 || statusCode === 401 ? 'refused' : outcomeBy(statusCode);
  };
  try {
    await limits.within(ctx, (request, address) => readFormCredential(request, address, provedBy), answer, outcome);
  } catch (thrown) {
    if (!(thrown instanceof ArsiaError && thrown.code === 'too_many_requests')) throw thrown;
    ctx.status = thrown.row.status;
    ctx.set('retry-after', String(thrown.more.retry_after));
    ctx.body = { error: thrown.row.oauth, error_description: `${thrown.message} ${thrown.advice}` };
  }
}

function outcomeBy(status: number): Outcome {
  return status < 400 ? 'opened' : status < 500 ? 'untried' : 'undecided';
}

function tooMany(milliseconds: number): ArsiaError {
  return new ArsiaError('too_many_requests', 'This caller sends more requests in a second than it may.', {
    retry_after: Math.max(1, Math.ceil(milliseconds / 1000)),
  });
}
