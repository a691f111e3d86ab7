import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { ArsiaError } from '../../core/errors.ts';
import type { LimitSettings } from './limits.ts';

/** Endpoints that store a row before the client is authenticated: a sign-in or a device code. */
const starting = /\/oauth2\/(?:authorize|device_authorization)$/;
/** Seconds, about the lifetime of these rows. */
const window = 600;

/**
 * Limits the rows that one address can create before it is authenticated to `most` in 10 minutes. Throws ArsiaError
 * `too_many_requests`. Without a limit of requests there is none here either.
 */
export function limitSignInStarts(
  { rate }: Pick<LimitSettings, 'rate'>,
  most = 6_000,
): (address: string, path: string) => Promise<void> {
  const starts = new RateLimiterMemory({ points: most, duration: window });
  return async (address, path) => {
    if (rate === 0 || !starting.test(path)) return;
    await starts.consume(address).catch((thrown: unknown) => {
      if (!(thrown instanceof RateLimiterRes)) throw thrown;
      throw new ArsiaError('too_many_requests', 'This address begins more sign-ins than it may.', {
        retry_after: Math.max(1, Math.ceil(thrown.msBeforeNext / 1000)),
      });
    });
  };
}
