import type { Verdict } from './provider.ts';

export type Denial = Extract<Verdict, { allow: false }>;

/** Returns a denial. `condition` is quoted from the document; `actual` is the claim of the token, `undefined` where it has none. */
export function deny(condition: string, expected: string | readonly string[], actual: unknown): Denial {
  return {
    allow: false,
    condition,
    expected: typeof expected === 'string' ? expected : expected.join(' or '),
    actual: typeof actual === 'string' && actual !== '' ? actual : (JSON.stringify(actual) ?? 'no claim'),
  };
}
