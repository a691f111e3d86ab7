import { describe, expect, test } from '@jest/globals';
import { readPolicy } from '../../src/iampolicy/grammar.ts';
import { locate, parseJson, toValue } from '../../src/iampolicy/json.ts';
import { matches, wildcards } from '../../src/iampolicy/patterns.ts';
import { parseTemplate } from '../../src/iampolicy/variables.ts';

describe('JSON', () => {
  test.each([
    ' {"a": [1, -2.5e3, true, false, null, "x\\n\\u00e9\\ud83d\\ude00\\"\\\\\\/"], "": {}, "__proto__": {"b": []}}\r\n',
    '[]',
    '"text"',
    '0',
    '-0.1E-2',
  ])('reads what JSON.parse reads: %j', (text) => {
    const node = parseJson(text);
    expect('fault' in node ? node.fault : toValue(node)).toEqual(JSON.parse(text));
  });

  test.each([
    ['{"a" 1}', 1, 6],
    ['{"a": 1,}', 1, 9],
    ['{"a": 1\n"b": 2}', 2, 1],
    ['[1 2]', 1, 4],
    ['{"a": tru}', 1, 7],
    ['{"a": 01}', 1, 8],
    ['{"a": "x\ny"}', 1, 9],
    ['{"a": "\\x"}', 1, 8],
    ['{"a": "\\u12"}', 1, 8],
    ['{"a": "x}', 1, 7],
    ['{} {}', 1, 4],
    ['', 1, 1],
    ['{"a": 1, "b": 2, "a": 3}', 1, 18],
    [`${'['.repeat(65)}`, 1, 65],
  ])('refuses %j at line %i, column %i', (text, line, column) => {
    const node = parseJson(text);
    expect('fault' in node && locate(text, node.fault.offset)).toEqual({ line, column });
    expect(() => {
      if (!text.includes('"a": 3') && !text.startsWith('[[')) JSON.parse(text);
      else throw new Error('JSON.parse reads it');
    }).toThrow();
  });

  test('a fault quotes nothing of the text', () => {
    const node = parseJson('{"a": hunter2}');
    expect('fault' in node && node.fault.message).not.toMatch(/hunter/);
  });

  test('columns count as editors do: UTF-16 units, and any end of line', () => {
    expect(locate('a\r\n\u{1f600}b', 5)).toEqual({ line: 2, column: 3 });
    expect(locate('a\rb\nc', 4)).toEqual({ line: 3, column: 1 });
  });
});

describe('policies', () => {
  const faultsOf = (document: object, principals: 'required' | 'forbidden' = 'forbidden') => {
    const text = JSON.stringify(document);
    const node = parseJson(text);
    if ('fault' in node) throw new Error(node.fault.message);
    return readPolicy(node, { principals, resources: 'required' }).faults.map(({ kind, message }) => [kind, message]);
  };
  const statement = { Effect: 'Allow', Action: 's3:GetObject', Resource: '*' };
  const policyOf = (more: object) => ({ Version: '2012-10-17', Statement: [{ ...statement, ...more }] });

  test('of an identity have no principals, and policies of resources must have one', () => {
    expect(faultsOf(policyOf({}))).toEqual([]);
    expect(faultsOf(policyOf({ Principal: '*' }))).toEqual([['unknown', expect.stringContaining('Principal')]]);
    expect(faultsOf(policyOf({}), 'required')).toEqual([['missing', expect.stringContaining('Principal')]]);
    expect(faultsOf(policyOf({ Principal: '*' }), 'required')).toEqual([]);
  });

  test.each([
    ['neither Resource nor NotResource', { Resource: undefined }, 'missing'],
    ['both Resource and NotResource', { NotResource: '*' }, 'value'],
    ['an unknown member', { Zzz: 1 }, 'unknown'],
    ['a value of a condition that is an object', { Condition: { StringEquals: { a: {} } } }, 'value'],
    ['a prefix that is none', { Condition: { 'ForOne:StringEquals': { a: 'b' } } }, 'value'],
    ['a variable that does not end', { Condition: { StringEquals: { a: '$'.concat('{b') } } }, 'unknown'],
  ])('have a fault with %s', (_name, more, kind) => {
    expect(faultsOf(policyOf(more)).map(([one]) => one)).toEqual([kind]);
  });
});

test('a variable has a key and perhaps a default', () => {
  const template = (text: string) => parseTemplate(`$${'{'}${text}}`, true).parts;
  expect(template('aws:userid')).toEqual([{ key: 'aws:userid' }]);
  expect(template("aws:userid, 'x y'")).toEqual([{ key: 'aws:userid', fallback: 'x y' }]);
});

test('matching is linear: patterns that make others go back take no time', () => {
  const began = performance.now();
  const text = 'a'.repeat(20_000);
  expect(matches(wildcards(`${'*a'.repeat(5000)}b`), text)).toBe(false);
  expect(matches(wildcards(`*${'a'.repeat(10_000)}b*`), text)).toBe(false);
  expect(matches(wildcards(`*${'a?'.repeat(5000)}b*`), text)).toBe(false);
  expect(matches(wildcards(`*${'?'.repeat(10_000)}*`), text)).toBe(true);
  expect(performance.now() - began).toBeLessThan(2000);
});
