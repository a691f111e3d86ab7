import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

const [document, untested] = readFileSync('docs/threats.md', 'utf8').split('### 4.5 ');
const listed = new Set([...document!.matchAll(/^(?:- |\| )([NMF]\d+)\b/gm)].map((match) => match[1]!));
const listedAsUntested = new Set(untested!.match(/^\| [^|]+/gm)!.flatMap((cell) => cell.match(/[NMF]\d+/g) ?? []));

const tests = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && file !== 'threats.test.ts')
  .map((file) => ({ file, text: readFileSync(join('test', file), 'utf8') }));
const numbersIn = (text: string) => text.match(/\b[NMF]\d{1,2}\b/g) ?? [];

test('the list of threats is parsed', () => {
  expect(listed.size).toBeGreaterThan(80);
});

test('every number in a test title is listed in docs/threats.md', () => {
  const unknown = tests.flatMap(({ file, text }) =>
    numbersIn(text)
      .filter((number) => !listed.has(number))
      .map((number) => `${file}: ${number}`),
  );
  expect(unknown).toEqual([]);
});

test('docs/threats.md lists exactly the numbers in no test title as not tested yet', () => {
  const tested = new Set(tests.flatMap(({ text }) => numbersIn(text)));
  expect([...listed].filter((number) => !tested.has(number)).sort()).toEqual([...listedAsUntested].sort());
});
