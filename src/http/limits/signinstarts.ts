import type { IncomingMessage } from 'node:http';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { ArsiaError } from '../../core/errors.ts';
import { createAddressReader, hostOf } from './address.ts';
import type { LimitSettings } from './limits.ts';

/** Endpoints that store something for whoever asks: a sign-in under way, a device code. */
const starting = /\/oauth2\/(?:authorize|device_authorization)$/;
/** Seconds. What is stored lives about as long. */
const window = 600;

/**
 * Bounds what one address can have stored before anybody is known: `most` in 10 minutes. Throws ArsiaError
 * `too_many_requests`. Without a limit of requests there is none here either.
 */
export function limitSignInStarts(
  { rate, trustedProxies }: LimitSettings,
  most = 6_000,
): (request: IncomingMessage, path: string) => Promise<void> {
  const addressOf = createAddressReader(trustedProxies);
  const starts = new RateLimiterMemory({ points: most, duration: window });
  return async (request, path) => {
    if (rate === 0 || !starting.test(path)) return;
    await starts.consume(hostOf(addressOf(request))).catch((thrown: unknown) => {
      if (!(thrown instanceof RateLimiterRes)) throw thrown;
      throw new ArsiaError('too_many_requests', 'This address begins more sign-ins than it may.', {
        retry_after: Math.max(1, Math.ceil(thrown.msBeforeNext / 1000)),
      });
    });
  };
}
