import type { Verdict } from './provider.ts';

export type Denial = Extract<Verdict, { allow: false }>;

/** `condition` in the document's own words; `actual` as the token has it, `undefined` for a claim that it lacks. */
export function deny(condition: string, expected: string | readonly string[], actual: unknown): Denial {
  return {
    allow: false,
    condition,
    expected: typeof expected === 'string' ? expected : expected.join(' or '),
    actual: typeof actual === 'string' && actual !== '' ? actual : (JSON.stringify(actual) ?? 'no claim'),
  };
}
