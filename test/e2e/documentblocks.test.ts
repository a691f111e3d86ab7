import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { Command } from 'commander';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import { serverCommand } from '../../src/server/commands/server.ts';
import { atEnd, makeHome, type RunningArsia, startArsia } from '../support/arsia.ts';
import { blocksOf, createShell, type Shell } from '../support/blocks.ts';
import { type Body, type Client, createClient, encoded } from '../support/client.ts';
import { cloudSettings, targets, trustOf } from '../support/clouds.ts';
import { actionToken, startOutsideIssuer } from '../support/outside.ts';

/** Runs the code blocks of the documents unchanged against a server that has what they name. docs/sign-in.md has its own test. */

/** Blocks of the README that run elsewhere: in `.ci/run` and test/e2e/commands.test.ts. test/deploy.test.ts checks the last. */
const ranElsewhere = ['npm ci && npm run demo', 'npm ci && npm test', 'npx arsia server bootstrap', 'docker run'];
const readme = blocksOf('README.md').filter((block) => !ranElsewhere.some((command) => block.includes(command)));

let running: RunningArsia;
let shell: Shell;
let owner: Client;
let token: string;
let job: Body;

beforeAll(async () => {
  const sandbox = await startSandbox();
  atEnd(() => sandbox.close());
  const settings = { ARSIA_OUTSIDE_ISSUERS_LOOPBACK: 'true' };
  running = await startArsia({ home: await makeHome('embedded'), sandbox, settings });
  const { arsia, issuer } = running;
  token = (await arsia.operators.bootstrap({ organization: 'acme', login: 'ada' })).token.access_token;
  owner = createClient(issuer, token);
  const group = 'acme/research';
  await owner.send('POST', '/groups', { name: 'research', parent: 'acme' });
  const workspace = await owner.send('POST', '/workspaces', { name: 'simulation', group });
  for (const identity of [
    { name: 'aws', type: 'aws', settings: cloudSettings.aws, delivery: 'both' },
    { name: 'internal-api', type: 'oidc', settings: { audience: 'https://api.acme.example' }, delivery: 'both' },
  ]) {
    const { id } = await owner.send('POST', '/managed-identities', { group, ...identity });
    await owner.send('POST', `/workspaces/${workspace.id}/managed-identities`, { managed_identity: id });
  }
  const { account, role } = targets;
  const aws = await trustOf(owner, encoded('acme/research/aws'), 'acme/research/simulation');
  sandbox.aws.createOpenIdConnectProvider({ account, url: issuer, client_ids: [aws.audience] });
  sandbox.aws.createRole({ arn: role, trust_policy: aws.document('trust-policy'), max_session_duration: 7200 });
  job = await owner.send('POST', `/workspaces/${workspace.id}/jobs`, {});
  await owner.send('POST', '/service-accounts', { name: 'ci', group });

  shell = await createShell();
  await mkdir(join(shell.folder, '.arsia'));
  await writeFile(join(shell.folder, '.arsia', 'demo.json'), JSON.stringify({ issuer, job_token: job.job_token }));
}, 60_000);

const run = (block: string, variables?: Record<string, string>) => shell.run(block, variables);

test('the README has two blocks that this file runs', () => {
  expect(readme.map((block) => block.split(/[= ]/)[0])).toEqual(['ISSUER', 'API']);
});

test('README, "Try it yourself": the job gets credentials and a token', async () => {
  const [credentials, exchanged] = await run(readme[0]!);
  expect(credentials).toMatchObject({ type: 'aws', role_arn: targets.role });
  expect(exchanged).toMatchObject({ issued_token_type: 'urn:ietf:params:oauth:token-type:jwt', token_type: 'N_A' });
});

test('README, "What the cloud admin does": the trust documents of the identity', async () => {
  const answers = await run(readme[1]!.replace('http://127.0.0.1:8080', running.issuer), { TOKEN: token });
  expect(answers.slice(0, 3)).toMatchObject([
    { path: 'acme/lab' },
    { path: 'acme/lab/aws' },
    { path: 'acme/lab/simulation' },
  ]);
  const trust = answers.at(-1);
  expect(trust!.documents.map(({ name }: Body) => name)).toContain('trust-policy');
});

test('docs/outside-tokens.md: the rule is created, and its token is exchanged', async () => {
  const [rule, exchange, ...others] = blocksOf('docs/outside-tokens.md');
  expect(others).toEqual([]);
  const outside = await startOutsideIssuer(running.clock);
  const own = (block: string) =>
    block
      .replace('https://token.actions.githubusercontent.com', outside.url)
      .replace('https://arsia.example.com', running.issuer);
  const variables = { ARSIA_URL: running.issuer, TOKEN: token };
  expect((await run(own(rule!), variables))[0]).toMatchObject({ issuer: outside.url, single_use: true });
  const OUTSIDE_TOKEN = await actionToken(outside, running.issuer, { ref: 'refs/heads/release-1' });
  const [exchanged] = await run(own(exchange!), { ...variables, OUTSIDE_TOKEN });
  expect(exchanged).toMatchObject({ token_type: 'Bearer', access_token: expect.any(String) });
});

test('docs/limits.md: every command exists, with its options', async () => {
  const commands = blocksOf('docs/limits.md', 'console').map((block) => block.trim().replace(/^\$ arsia /, ''));
  expect(commands.length).toBe(2);
  for (const command of commands) {
    const terminal = {
      env: {},
      open: () => Promise.reject(new Error('opened')),
      send: () => Promise.reject(new Error('sent')),
      write: () => {},
      tell: () => {},
      untilSignal: () => Promise.reject(new Error('waited')),
      exitAfter: () => {},
    };
    const program = new Command('arsia').exitOverride().addCommand(serverCommand(terminal));
    await expect(program.parseAsync(command.split(' '), { from: 'user' })).rejects.toThrow('opened');
  }
});
