import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isLogin, isName, isReference, loginRule, nameRule, referenceRule } from '../../src/core/names.ts';
import { childPath, leafName, maximumDepth, parentPath, parsePath } from '../../src/core/namespace.ts';

const inner = 'abcdefghijklmnopqrstuvwxyz0123456789-_';
const outer = inner.slice(0, 36);

/** The rule of contract.md, written once more without a pattern. */
function isNameByHand(text: string): boolean {
  const letters = [...text];
  return (
    letters.length >= 1 &&
    letters.length <= 64 &&
    letters.every((letter) => inner.includes(letter)) &&
    outer.includes(letters[0]!) &&
    outer.includes(letters.at(-1)!)
  );
}

const nearName = fc.string({
  unit: fc.constantFrom(...'ab09-_', 'A', ':', '/', '*', ' ', 'é', '\n'),
  maxLength: 8,
});
const goodName = fc
  .tuple(
    fc.constantFrom(...outer),
    fc.string({ unit: fc.constantFrom(...inner), maxLength: 62 }),
    fc.constantFrom(...outer),
  )
  .map((parts) => parts.join(''));

describe('names', () => {
  test('match the rule of the contract, and nothing else does', () => {
    fc.assert(
      fc.property(nearName, (text) => expect(isName(text)).toBe(isNameByHand(text))),
      { numRuns: 5_000 },
    );
    fc.assert(fc.property(goodName, (text) => expect(isName(text)).toBe(true)));
  });

  test.each([
    ...[':', '/', '*', '?', ',', '$', '{', '}', '"', "'", '`', ' ', '\n', '\t', '\0', '\\', '.', '@', '%', '&', '<'],
    '\u202e',
    '\u{1f600}',
    'A',
    'é',
    'ｅ',
    'е',
  ])('N33 refuse a name with %j in any place', (bad) => {
    for (const text of [bad, `a${bad}`, `${bad}a`, `a${bad}a`]) expect(isName(text)).toBe(false);
  });

  test.each([
    ['', false],
    ['a', true],
    ['a'.repeat(64), true],
    ['a'.repeat(65), false],
    ['-a', false],
    ['a-', false],
    ['_a', false],
    ['a_', false],
    ['a--_-b', true],
    ['..', false],
  ])('N33 at the limits: %j is a name: %s', (text, expected) => {
    expect(isName(text)).toBe(expected);
  });

  test.each([
    ['ada@acme.example', true],
    ['a'.repeat(64), true],
    ['a'.repeat(65), false],
    ['', false],
    ['Ada', false],
    ['ada lovelace', false],
    ['ada:root', false],
    ['ada/../root', false],
    ['ada\n', false],
    ['a*', false],
  ])('N33 %j is a login: %s', (text, expected) => {
    expect(isLogin(text)).toBe(expected);
  });
});

describe('paths', () => {
  test('are parsed into names and formatted back', () => {
    fc.assert(
      fc.property(fc.array(goodName, { minLength: 1, maxLength: maximumDepth + 1 }), (names) => {
        const path = names.reduce<string | undefined>(childPath, undefined)!;
        expect(parsePath(path)).toEqual(names);
        expect(leafName(path)).toBe(names.at(-1));
        expect(parentPath(path)).toBe(names.length === 1 ? undefined : names.slice(0, -1).join('/'));
      }),
    );
  });

  test.each(['', '/', 'a/', '/a', 'a//b', 'a/../b', 'a/./b', 'a/B', 'a\\b', 'a/b\n', 'a/%2e%2e', 'a:b'])(
    'N33 %j is no path',
    (text) => {
      expect(parsePath(text)).toBeUndefined();
    },
  );

  test('have at most one name below the deepest group', () => {
    const path = (depth: number) => Array.from({ length: depth }, () => 'a').join('/');
    expect(parsePath(path(maximumDepth + 1))).toHaveLength(maximumDepth + 1);
    expect(parsePath(path(maximumDepth + 2))).toBeUndefined();
  });
});

describe('N26 logins', () => {
  const body = `0${'1'.repeat(25)}`;
  test.each([
    [`usr_${body}`, false],
    [`sa_${body}`, false],
    [`usr_${body}1`, true],
    [`sa_${body}1`, true],
    [`usr_${body.slice(1)}`, true],
    [`usr_8${'1'.repeat(25)}`, true],
    [`usr_0${'i'.repeat(25)}`, true],
    [`x${body}`, true],
  ])('%s: %j', (login, isOne) => {
    expect(isLogin(login)).toBe(isOne);
  });
});

describe('references by id or path', () => {
  test.each([
    ['mi_01h', true],
    ['acme/lab/sim', true],
    ['ada@acme.example', true],
    ['a'.repeat(1400), true],
    ['a'.repeat(1401), false],
    ['', false],
    ['a b', false],
    [' ab', false],
    ['ab ', false],
    ['A', false],
    ['a\u0000', false],
  ])('%j: %j', (text, isOne) => {
    expect(isReference(text)).toBe(isOne);
  });

  test('nameRule and loginRule describe the patterns in words', () => {
    expect([nameRule, loginRule, referenceRule]).toEqual([
      '1 to 64 of lower-case letters, digits, `-` and `_`, the last two neither first nor last',
      '1 to 64 of lower-case letters, digits and `._@+-`, and not the id of a user or a service account',
      'an id, a path or a login',
    ]);
  });
});
