import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

const read = (folder: string, ending: RegExp) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => ending.test(file))
    .map((file) => ({ file: join(folder, file), text: readFileSync(join(folder, file), 'utf8') }));

const code = ['src', 'test', 'bench', 'scripts', 'migrations'].flatMap((folder) => read(folder, /\.(ts|js|sql)$/));
const pages = [...read('docs', /\.md$/), { file: 'README.md', text: readFileSync('README.md', 'utf8') }];

test('every document that a comment refers to is in the repository', () => {
  const missing = code.flatMap(({ file, text }) =>
    [...text.matchAll(/(?<![\w/.-])(?:docs\/)?([\w-]+\.md)\b/g)]
      .filter(([, name]) => !existsSync(join('docs', name!)) && !existsSync(name!))
      .map(([reference]) => `${file}: ${reference}`),
  );
  expect(missing).toEqual([]);
});

test('every link between documents leads to a file', () => {
  const broken = pages.flatMap(({ file, text }) =>
    [...text.matchAll(/\]\(([\w./-]+\.\w+|[\w.-]+\/)(?:#[\w-]*)?\)/g)]
      .filter(([, target]) => !existsSync(join(file, '..', target!)))
      .map(([, target]) => `${file}: ${target}`),
  );
  expect(broken).toEqual([]);
});
