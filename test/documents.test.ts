import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
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

test('each decision has its context, decision and consequences, in that order and on one page', () => {
  const faults = read('docs/decisions', /^\d{4}-.*\.md$/).flatMap(({ file, text }) => {
    const parts = [...text.matchAll(/^\*\*(\w+)\b.*?\*\*/gm)].map(([, part]) => part);
    return [
      parts.slice(0, 3).join() === 'Context,Decision,Consequences' ? [] : `${file}: ${parts.join()}`,
      text.trimEnd().split('\n').length <= 50 ? [] : `${file}: over 50 lines`,
    ].flat();
  });
  expect(faults).toEqual([]);
});

test('the index of the decisions has the number, title and amendments of each record', () => {
  const records = read('docs/decisions', /^\d{4}-.*\.md$/).map(({ file, text }) => {
    const [, number, title] = /^# (\d{4}) (.+)$/m.exec(text)!;
    const [before] = text.split('**Context.**');
    const amendments = [...before!.matchAll(/Amended by (\d{4}(?: and \d{4})*)/g)].flatMap(([, all]) =>
      all!.split(' and '),
    );
    return { file: basename(file), number, title, amendments };
  });
  const rows = [
    ...readFileSync('docs/decisions/README.md', 'utf8').matchAll(/^\| \[(\d{4})\]\((.+?)\) \| (.+) \| (.+) \|$/gm),
  ].map(([, number, file, title, status]) => ({ file, number, title, amendments: status!.match(/\d{4}/g) ?? [] }));
  const byFile = (all: { file: string | undefined }[]) => all.sort((a, b) => a.file!.localeCompare(b.file!));
  expect(byFile(rows)).toEqual(byFile(records));
});
