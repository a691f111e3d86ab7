import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { listAuditActions } from '../scripts/auditactions.ts';
import { errorTable } from '../src/core/errors.ts';
import { findRole, hasPermission, permissions, roles } from '../src/core/permissions.ts';
import { describeSettings } from '../src/server/config/config.ts';

const read = (folder: string, ending: RegExp) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => ending.test(file))
    .map((file) => ({ file: join(folder, file), text: readFileSync(join(folder, file), 'utf8') }));

const code = ['src', 'test', 'bench', 'scripts', 'migrations'].flatMap((folder) => read(folder, /\.(ts|js|sql)$/));
const pages = [
  ...read('docs', /\.md$/),
  ...['README.md', 'CONTRIBUTING.md', 'bench/README.md'].map((file) => ({ file, text: readFileSync(file, 'utf8') })),
];
const contract = readFileSync('docs/contract.md', 'utf8');

test('every document that a comment refers to is in the repository', () => {
  const missing = code.flatMap(({ file, text }) =>
    [...text.matchAll(/(?<![\w/.-])(?:docs\/)?([\w-]+\.md)\b/g)]
      .filter(([, name]) => !existsSync(join('docs', name!)) && !existsSync(name!))
      .map(([reference]) => `${file}: ${reference}`),
  );
  expect(missing).toEqual([]);
});

test('no comment or page refers to a folder that is not in the repository', () => {
  const texts = [...code, ...pages].filter(({ file }) => file !== 'test/documents.test.ts');
  const outside = texts.flatMap(({ file, text }) =>
    (text.match(/(?<![\w/.-])(?:shared|seeds|\/work|\/tmp\/[hm]\d?)\/[\w.-]*/g) ?? []).map(
      (path) => `${file}: ${path}`,
    ),
  );
  expect(outside).toEqual([]);
});

/** Joins the lines of a comment, so that a reference broken between two lines is found. */
const unwrapped = (text: string) => text.replace(/\n\s*(?:\*|\/\/)?\s*/g, ' ');

/** Section and finding numbers that follow the name of a document, such as `1.4 and 1.12`, `M1 to M3`, `0 trap 8`. */
const numbered = /\b(cloud-facts|threats)\.md((?:(?:,| and| to| trap)* (?:[NMF]\d+|\d+(?:\.\d+)?))+)/g;

/** Returns whether the page has a heading, row or item (`N21`) with this number, or an item in a section (`0.8` is item 8 of section 0). */
function isNumberOf(page: string, number: string): boolean {
  if (/^[NMF]/.test(number)) return new RegExp(`^(?:- |\\| )${number}\\b`, 'm').test(page);
  if (new RegExp(`^##+ ${number.replace('.', '\\.')}\\.? `, 'm').test(page)) return true;
  const [section, item] = number.split('.');
  const body = page.split(/^## /m).find((part) => part.startsWith(`${section}. `));
  return item !== undefined && new RegExp(`^${item}\\. `, 'm').test(body ?? '');
}

test('every section and number of cloud-facts.md and threats.md that a comment or page names exists', () => {
  const missing = [...code, ...pages].flatMap(({ file, text }) =>
    [...unwrapped(text).matchAll(numbered)].flatMap(([, name, list]) => {
      const page = readFileSync(`docs/${name}.md`, 'utf8');
      const numbers = list!.replace(/ trap /g, '.').match(/[NMF]?\d+(?:\.\d+)?/g)!;
      return numbers.filter((number) => !isNumberOf(page, number)).map((number) => `${file}: ${name}.md ${number}`);
    }),
  );
  expect(missing).toEqual([]);
});

test('this test finds numbers of headings, items and rows, and no others', () => {
  const page = '## 0. Traps\n8. one\n\n### 1.4 Claims\n- N21 a\n| F6 | b |\n';
  expect(['0', '0.8', '1.4', 'N21', 'F6'].filter((number) => !isNumberOf(page, number))).toEqual([]);
  expect(['1', '1.41', '0.9', 'N2', 'F7'].filter((number) => isNumberOf(page, number))).toEqual([]);
  expect(unwrapped('(threats.md M1 to\n * M3)').match(numbered)).toEqual(['threats.md M1 to M3']);
});

test('every section of the contract that a comment names exists', () => {
  const missing = code.flatMap(({ file, text }) =>
    [...unwrapped(text).matchAll(/\bcontract\.md, ([A-Z][a-z, ]+?)(?=[:).])/g)]
      .filter(([, section]) => !contract.includes(`\n## ${section}\n`))
      .map(([reference]) => `${file}: ${reference}`),
  );
  expect(missing).toEqual([]);
});

test('every decision and migration that a comment or page names exists', () => {
  const missing = [...code, ...pages].flatMap(({ file, text }) =>
    [...unwrapped(text).matchAll(/\b((?:docs\/decisions|migrations)\/)((?:(?:, | and )?\b\d{4}\b)+)/g)].flatMap(
      ([, folder, list]) =>
        list!
          .match(/\d{4}/g)!
          .filter((number) => globSync(`${folder}${number}[-_]*`).length !== 1)
          .map((number) => `${file}: ${folder}${number}`),
    ),
  );
  expect(missing).toEqual([]);
});

test('every path that a page names exists', () => {
  const folders = ['src', 'test', 'docs', 'migrations', 'bench', 'scripts', ...readdirSync('src')];
  // cloud-facts.md names files of other projects.
  const own = pages.filter(({ file }) => file !== 'docs/cloud-facts.md');
  const missing = own.flatMap(({ file, text }) =>
    [...text.matchAll(/`([\w.-]+(?:\/[\w.*-]+)*\/?)`/g)]
      .map(([, path]) => path!)
      .filter((path) => path.includes('/') && folders.includes(path.split('/')[0]!))
      .filter((path) => globSync([path, join('src', path)]).length === 0)
      .map((path) => `${file}: ${path}`),
  );
  expect(missing).toEqual([]);
});

test('every setting that a page names exists', () => {
  const known = new Set([...describeSettings().map(({ name }) => name), 'ARSIA_URL', 'ARSIA_JOB_TOKEN']);
  const ofTests = new Set(
    code.flatMap(({ text }) => [...text.matchAll(/process\.env\.(\w+)/g)].map(([, name]) => name)),
  );
  const unknown = pages.flatMap(({ file, text }) =>
    [...text.matchAll(/\bARSIA_[A-Z_]*[A-Z]\b(?!_?\*)/g)]
      .map(([name]) => name)
      .filter((name) => !known.has(name.replace(/(?<=JOB_TOKEN)_FILE$/, '')) && !ofTests.has(name))
      .map((name) => `${file}: ${name}`),
  );
  expect(unknown).toEqual([]);
});

test('every npm script that a page names exists, unless it is marked as not built', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
  const unknown = pages.flatMap(({ file, text }) =>
    [...text.matchAll(/npm run ([a-z:]+)/g)]
      .filter(([command, script]) => !Object.hasOwn(scripts, script!) && !text.includes(`\`${command}\` *(not built`))
      .map(([command]) => `${file}: ${command}`),
  );
  expect(unknown).toEqual([]);
});

test('every route of the contract is in the OpenAPI document, unless it is marked as not built', () => {
  const { paths } = JSON.parse(readFileSync('docs/openapi.json', 'utf8')) as { paths: Record<string, unknown> };
  const rows = contract.slice(contract.indexOf('| Routes | For |'), contract.indexOf('- `GET /api/v1/audit-events'));
  const routes = rows.split('\n').flatMap((row) => {
    const [, cell = ''] = row.split('|');
    const [first = ''] = /(?<=`)\/[a-z-]+/.exec(cell) ?? [];
    return [...cell.matchAll(/`([^`?]+)[^`]*`(?<mark> \*\(not built: [\w ]+\)\*)?/g)].map(([, path, mark]) => ({
      path: path!.replace(/^(?=\/\{)/, first),
      isBuilt: mark === undefined,
    }));
  });
  expect(routes.length).toBeGreaterThan(40);
  expect(routes.filter(({ path, isBuilt }) => Object.hasOwn(paths, path) !== isBuilt)).toEqual([]);
});

test('the contract lists every error code with its status and OAuth error', () => {
  const rows = [...contract.matchAll(/^\| `(\w+)` \| (\d{3}) \| `(\w+)` \|$/gm)];
  const listed = rows.map(([, code, status, oauth]) => ({ code, status: Number(status), oauth }));
  expect(listed).toEqual(Object.entries(errorTable).map(([code, { status, oauth }]) => ({ code, status, oauth })));
});

/** Names of audited actions in the source: of actions, of events of the authorization server, and of the pipeline. */
const auditedNames = [
  /\b(?:action|name|signInName)(?:: | = )'([a-z_]+\.[a-z_]+)'/g,
  /\b(?:buildEvent|buildOwnerLinkAction|runRecorded)\((?:[^()']|\([^()]*\))*?'([a-z_]+\.[a-z_]+)'/g,
];

test('docs/audit-actions.md has every action that the code records', () => {
  const listed = new Set(
    [...readFileSync('docs/audit-actions.md', 'utf8').matchAll(/^\| `([\w.]+)` \|/gm)].map(([, name]) => name),
  );
  const source = code.filter(({ file }) => /^src\/(?:services|oidc|server|http)\//.test(file));
  const recorded = source.flatMap(({ text }) =>
    auditedNames.flatMap((pattern) => [...text.matchAll(pattern)].map(([, name]) => name!)),
  );
  expect(recorded).toEqual(expect.arrayContaining(['job.expire', 'key.rotate', 'token.mint', 'owner_link.create']));
  expect([...new Set(recorded)].filter((name) => !listed.has(name))).toEqual([]);
  expect([...listed].sort()).toEqual(listAuditActions());
});

test('docs/roles.md has every permission, with the roles that have it', () => {
  const rows = [...readFileSync('docs/roles.md', 'utf8').matchAll(/^\| .+ \| `([a-z_.]+)` \|(.*)\|(.*)\|(.*)\|$/gm)];
  const marked = rows.map(([, permission, ...marks]) => [
    permission,
    roles.filter((_, index) => marks[index]!.trim() === 'yes'),
  ]);
  expect(marked).toEqual(
    permissions.map((permission) => [permission, roles.filter((role) => hasPermission(role, permission))]),
  );
});

test('every example of docs/roles.md is what findRole decides', () => {
  const page = readFileSync('docs/roles.md', 'utf8');
  const [, table] = page.split('| Membership on `acme`');
  const rows = [...table!.matchAll(/^\| ([a-z]*) ?\| ([a-z]*) ?\| ([a-z]*) ?\| ([a-z]+)/gm)];
  expect(rows).toHaveLength(6);
  for (const [row, ...cells] of rows) {
    const memberships = ['acme', 'research', 'wing'].flatMap((namespace_id, index) =>
      roles.filter((role) => role === cells[index]).map((role) => ({ namespace_id, role })),
    );
    const role = findRole(['acme', 'research', 'wing'], memberships);
    expect([row, role ?? 'none']).toEqual([row, cells[3]]);
  }
});

test('every link between documents leads to a file', () => {
  const broken = pages.flatMap(({ file, text }) =>
    [...text.matchAll(/\]\(([\w./-]+\.\w+|[\w.-]+\/)(?:#[\w-]*)?\)/g)]
      .filter(([, target]) => !existsSync(join(file, '..', target!)))
      .map(([, target]) => `${file}: ${target}`),
  );
  expect(broken).toEqual([]);
});

test('every page can be reached from the README by links', () => {
  const linksOf = (file: string) =>
    [...(pages.find((page) => page.file === file)?.text ?? '').matchAll(/\]\(([\w./-]+\.md)/g)].map(([, target]) =>
      join(file, '..', target!),
    );
  const reached = new Set(['README.md']);
  for (const file of reached) for (const target of linksOf(file)) reached.add(target);
  expect(pages.map(({ file }) => file).filter((file) => !reached.has(file))).toEqual([]);
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
