import { symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { startArsia } from '../support/arsia.ts';
import { blocksOf, createShell, type Shell } from '../support/blocks.ts';
import type { Body } from '../support/client.ts';

/** Runs the how-to pages one after the other, as a reader does, and compares the answers with those that the pages show. */

let shell: Shell;
let variables: { ISSUER: string; TOKEN: string };

beforeAll(async () => {
  const { arsia, issuer } = await startArsia();
  const { token } = await arsia.operators.bootstrap({ organization: 'acme', login: 'ada' });
  variables = { ISSUER: issuer, TOKEN: token.access_token };
  shell = await createShell();
}, 60_000);

const shownIn = (page: string): Body[] =>
  blocksOf(page, 'json').flatMap((block) =>
    block
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  );
const runPage = (page: string) => shell.run(blocksOf(page).join('\n'), variables);

test('docs/first-organisation.md and docs/launcher.md: every command gives the answer that the page shows', async () => {
  for (const page of ['docs/first-organisation.md', 'docs/launcher.md'])
    expect([page, ...(await runPage(page))]).toMatchObject([page, ...shownIn(page)]);
}, 60_000);

test('docs/relying-party.md: the service verifies the token that the job got', async () => {
  const page = 'docs/relying-party.md';
  const [code, ...others] = blocksOf(page, 'js');
  expect(others).toEqual([]);
  await writeFile(join(shell.folder, 'verify.mjs'), code!);
  // In place of `npm install jose`.
  await symlink(resolve('node_modules'), join(shell.folder, 'node_modules'));
  expect(await runPage(page)).toMatchObject(shownIn(page));
}, 60_000);
