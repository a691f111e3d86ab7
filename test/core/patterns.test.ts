import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { matchesAny, matchesPattern } from '../../src/core/patterns.ts';

/** The same rule by a regular expression: slow on bad patterns, plain to read. */
function matchesByRegex(pattern: string, text: string): boolean {
  const source = pattern
    .split('*')
    .map((piece) => piece.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
    .join('[^]*');
  return new RegExp(`^${source}$`).test(text);
}

const letters = fc.constantFrom('a', 'b', '.', '\n');

describe('patterns', () => {
  test('match what the equal regular expression matches', () => {
    const pattern = fc.string({ unit: fc.oneof(letters, fc.constant('*')), maxLength: 8 });
    const text = fc.string({ unit: letters, maxLength: 10 });
    fc.assert(
      fc.property(pattern, text, (one, other) => expect(matchesPattern(one, other)).toBe(matchesByRegex(one, other))),
      { numRuns: 20_000 },
    );
  });

  test('match every text made by filling their stars', () => {
    const pieces = fc.array(fc.string({ unit: letters, maxLength: 4 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(pieces, fc.array(fc.string({ unit: letters, maxLength: 4 }), { minLength: 5 }), (parts, fills) => {
        const text = parts.map((part, index) => (index === 0 ? part : fills[index - 1]! + part)).join('');
        expect(matchesPattern(parts.join('*'), text)).toBe(true);
      }),
    );
  });

  test.each([
    ['apply', 'apply', true],
    ['apply', 'Apply', false],
    ['apply', 'apply2', false],
    ['ap*', 'ap', true],
    ['*', '', true],
    ['', '', true],
    ['', 'a', false],
    ['a*a', 'a', false],
    ['a?', 'ab', false],
    ['.*', 'a', false],
    ['a*b*c', 'a-b-b-c', true],
    ['ab*bc', 'abc', false],
  ])('%j matches %j: %s', (pattern, text, expected) => {
    expect(matchesPattern(pattern, text)).toBe(expected);
  });

  test('with many stars take linear time on a text that almost matches', () => {
    expect(matchesPattern(`${'*a'.repeat(200)}b`, 'a'.repeat(20_000))).toBe(false);
  });

  test('match when one of several does, and never when there are none', () => {
    expect(matchesAny(['plan', 'app*'], 'apply')).toBe(true);
    expect(matchesAny(['plan', 'dest*'], 'apply')).toBe(false);
    expect(matchesAny([], 'apply')).toBe(false);
  });
});
