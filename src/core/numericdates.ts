import { sanitizeText } from './outsidetrust.ts';

/** Bounds of the times of an outside token, in seconds. */
export interface TimeBounds {
  /** Since 1970. */
  now: number;
  /** Allowed clock skew of `exp`, `nbf` and `iat`. */
  tolerance: number;
  /** Maximum time from `iat` to `exp`; without `iat`, from now to `exp`. */
  lifetime: number;
}

/** A refused time claim. Callers write: `The exp is <actual>, and must be <expected>`. */
export interface TimeFault {
  claim: 'exp' | 'nbf' | 'iat';
  actual: string;
  expected: string;
}

/** Seconds; in the year 5138. A current time in milliseconds is above it. */
const latest = 100_000_000_000;

const wholeSeconds = 'whole seconds since 1970';

/**
 * Returns the first fault of the times of a token (RFC 7519 4.1.4 to 4.1.6), or undefined. `exp` is required. The RFC allows a
 * NumericDate with a fraction; it is refused here, as AWS refuses it. The age of a token needs no bound of its own: a token
 * that has not expired is at most `lifetime` and `tolerance` old.
 */
export function findTimeFault(
  { exp, nbf, iat }: Readonly<Record<string, unknown>>,
  { now, tolerance, lifetime }: TimeBounds,
): TimeFault | undefined {
  if (!isSeconds(exp)) return notSeconds('exp', exp);
  if (iat !== undefined && !isSeconds(iat)) return notSeconds('iat', iat);
  if (nbf !== undefined && !isSeconds(nbf)) return notSeconds('nbf', nbf);
  const start = iat ?? now;
  const from = iat === undefined ? 'now' : `its iat, ${iat}`;
  const latestStart = `at most ${now + tolerance}, which is now and ${tolerance} s of tolerance`;
  if (start > now + tolerance) return { claim: 'iat', actual: String(iat), expected: latestStart };
  if (nbf !== undefined && nbf > now + tolerance) return { claim: 'nbf', actual: String(nbf), expected: latestStart };
  if (exp <= now - tolerance)
    return { claim: 'exp', actual: String(exp), expected: `after ${now - tolerance}: the token has expired` };
  if (iat !== undefined && exp <= iat) return { claim: 'exp', actual: String(exp), expected: `after ${from}` };
  if (exp - start > lifetime)
    return { claim: 'exp', actual: String(exp), expected: `at most ${lifetime} s after ${from}` };
  return undefined;
}

function isSeconds(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < latest;
}

function notSeconds(claim: TimeFault['claim'], value: unknown): TimeFault {
  const isTooLarge = Number.isSafeInteger(value) && (value as number) >= latest;
  // JSON.stringify would show Infinity, which JSON.parse makes of 1e999, as null.
  const actual = typeof value === 'number' ? String(value) : sanitizeText(JSON.stringify(value) ?? 'missing');
  return { claim, actual, expected: isTooLarge ? `${wholeSeconds}, not milliseconds` : wholeSeconds };
}
