import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { isObject, isTextList } from '../../src/core/json.ts';
import { errorCode, toError } from '../../src/core/thrown.ts';

test('an object is neither null nor an array', () => {
  expect([{}, { a: 1 }].map(isObject)).toEqual([true, true]);
  expect([null, [], 'text', 1, undefined].map(isObject)).toEqual([false, false, false, false, false]);
  expect([[], ['a'], ['a', 1], 'a'].map(isTextList)).toEqual([true, true, false, false]);
});

test('a thrown value that is no Error has a message, and a code only where it is a text', () => {
  expect(toError('text').message).toBe('text');
  expect([{ code: 'ENOENT' }, { code: 5 }, 'text', null].map(errorCode)).toEqual([
    'ENOENT',
    undefined,
    undefined,
    undefined,
  ]);
});

test.each([
  ['a JSON object', /typeof (\w+) === 'object' && \1 !== null && !Array\.isArray\(\1\)/, 'core/json.ts'],
  ['an Error from a thrown value', /instanceof Error \? \w+ : new Error\(/, 'core/thrown.ts'],
  ['a loopback host', /127\\?\.0\\?\.0\\?\.1[^\n]*::1|::1[^\n]*127\\?\.0\\?\.0\\?\.1/, 'core/loopback.ts'],
])('one file states what %s is', (_what, pattern, home) => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  const stating = files.filter((file) => {
    // Comments may name the rule, and redirect URIs list two hosts.
    const code = readFileSync(join('src', file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*|redirect_uris.*/g, '');
    return pattern.test(code);
  });
  expect(stating).toEqual([home]);
});
