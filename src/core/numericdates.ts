import { shownText } from './outsidetrust.ts';

/** The bounds that the times of an outside token must keep, in seconds. */
export interface TimeBounds {
  /** Since 1970. */
  now: number;
  /** The clock difference that `exp`, `nbf` and `iat` may show. */
  tolerance: number;
  /** Longest time from `iat` to `exp`; of a token without `iat`, from now to `exp`. */
  lifetime: number;
}

/** A claim with a time that is not accepted: `The exp is <actual>, and must be <expected>`. */
export interface TimeFault {
  claim: 'exp' | 'nbf' | 'iat';
  actual: string;
  expected: string;
}

/** Seconds: in the year 5138. The current time in milliseconds is above it. */
const latest = 100_000_000_000;

const wholeSeconds = 'whole seconds since 1970';

/**
 * The first fault of the times of a token (RFC 7519 4.1.4 to 4.1.6); undefined when there is none. `exp` is required. A
 * NumericDate may have a fraction by the RFC; none is accepted here, as AWS accepts none either. The age of a token needs no
 * bound of its own: one that has not expired is at most `lifetime` and `tolerance` old.
 */
export function timeFault(
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
  const actual = typeof value === 'number' ? String(value) : shownText(JSON.stringify(value) ?? 'missing');
  return { claim, actual, expected: isTooLarge ? `${wholeSeconds}, not milliseconds` : wholeSeconds };
}
