import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { canonicalJson } from '../../src/core/canonical.ts';

describe('canonical JSON', () => {
  test('parses back to the value, whatever the value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test('is the same text for equal values in any order of members', () => {
    const reversed = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(reversed);
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(
        Object.entries(value)
          .reverse()
          .map(([name, member]) => [name, reversed(member)]),
      );
    };
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(canonicalJson(reversed(value))).toBe(canonicalJson(value));
      }),
    );
  });

  test.each<[unknown, string]>([
    [{ b: [1, { d: null, c: true }], a: 'x' }, '{"a":"x","b":[1,{"c":true,"d":null}]}'],
    [{ 10: 1, 9: 2, A: 3, a: 4 }, '{"10":1,"9":2,"A":3,"a":4}'],
    [{ 'q"': 'a\\b"c\n\u0000\u00e4\ud800' }, '{"q\\"":"a\\\\b\\"c\\n\\u0000\u00e4\\ud800"}'],
    [{ gone: undefined, there: [undefined, () => 1] }, '{"there":[null,null]}'],
    [{ at: new Date(0), toJSON: 'no function' }, '{"at":"1970-01-01T00:00:00.000Z","toJSON":"no function"}'],
    [[Number.NaN, -0, 1e21, 0.1], '[null,0,1e+21,0.1]'],
    ['', '""'],
    [undefined, 'null'],
    [null, 'null'],
    [{}, '{}'],
    [[], '[]'],
  ])('%j', (value, text) => {
    expect(canonicalJson(value)).toBe(text);
  });
});
