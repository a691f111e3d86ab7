import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

const document = readFileSync('docs/threats.md', 'utf8');
const listed = new Set([...document.matchAll(/^(?:- |\| )([NF]\d+)\b/gm)].map((match) => match[1]!));

const tests = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts'))
  .map((file) => ({ file, text: readFileSync(join('test', file), 'utf8') }));

test('the list of threats is read whole', () => {
  expect(listed.size).toBeGreaterThan(80);
});

test('every number that a test carries is listed in docs/threats.md', () => {
  const unknown = tests.flatMap(({ file, text }) =>
    [...text.matchAll(/\b[NF]\d{1,2}\b/g)]
      .map((match) => match[0])
      .filter((number) => !listed.has(number))
      .map((number) => `${file}: ${number}`),
  );
  expect(unknown).toEqual([]);
});
