import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { Command } from 'commander';
import { serverCommand } from '../src/server/commands/server.ts';
import { describeSettings } from '../src/server/config/config.ts';
import { startArsia } from './support/arsia.ts';
import { createShell } from './support/blocks.ts';
import { createClient } from './support/client.ts';

/** Tests the code blocks of docs/sign-in.md. */
const blocks = [...readFileSync('docs/sign-in.md', 'utf8').matchAll(/```sh\n([\s\S]*?)```/g)].map((match) => match[1]!);
const lines = blocks.flatMap((block) => block.replaceAll('\\\n', '').trim().split('\n'));

test('every command of docs/sign-in.md exists, with its options', async () => {
  const commands = lines.flatMap((line) => /^(?:LINK=\$\()?(arsia [^()]+)\)?$/.exec(line)?.[1] ?? []);
  expect(commands.length).toBeGreaterThan(5);
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
    await expect(program.parseAsync(command.split(' ').slice(1), { from: 'user' })).rejects.toThrow('opened');
  }
});

test('every setting of docs/sign-in.md exists', () => {
  const known = describeSettings().map(({ name }) => name);
  const settings = lines.filter((line) => line.startsWith('ARSIA_')).map((line) => line.split('=')[0]!);
  expect(settings.length).toBe(3);
  for (const setting of settings) expect(known).toContain(setting);
});

const redeem = lines.find((line) => line.endsWith('/admin-links/redeem'));

test('the link that `arsia server admin recover` prints is opened by the line of docs/sign-in.md', async () => {
  const { arsia, issuer } = await startArsia();
  await arsia.operators.bootstrap({ organization: 'acme', login: 'ada' });
  const { token } = await arsia.operators.recover({ organization: 'acme' });
  const shell = await createShell();
  const opened = await shell.run(redeem!, { ISSUER: issuer, LINK: `${issuer}/link#${token}` });
  expect(opened).toMatchObject([{ login: 'ada', access_token: expect.stringMatching(/^arsia_at_/) }]);
}, 60_000);

test('every request of docs/sign-in.md is answered', async () => {
  const { arsia, issuer } = await startArsia({ signIn: true });
  const made = await arsia.operators.bootstrap({ organization: 'acme', login: 'ada' });
  const owner = createClient(issuer, made.token.access_token);
  const opened = async (token: string) =>
    createClient(issuer, (await createClient(issuer).send('POST', '/admin-links/redeem', { token })).access_token);
  await owner.send('POST', '/groups', { name: 'research', parent: 'acme' });
  for (const login of ['ada@acme.example', 'ada@acme.example-ba8f20', 'eve@acme.example'])
    await owner.send('POST', '/users', { login });
  const { id } = await owner.send('POST', '/users', { login: 'leaving@acme.example' });
  const leaving = await opened((await arsia.operators.link(id)).token);
  const operator = await opened((await arsia.operators.link('root')).token);
  const callers = {
    '/memberships': owner,
    '/invitations': owner,
    '/users': owner,
    '/users/eve@acme.example/tie': owner,
    '/users/ada@acme.example-ba8f20/merge': owner,
    '/me/leave': leaving,
    '/owner-links': operator,
  };
  const requests = lines
    .filter((line) => line.startsWith('curl ') && line !== redeem)
    .map((line) => /-d '(.+)' \$ISSUER\/api\/v1(\S+)$/.exec(line)!);
  expect(requests.map(([, , path]) => path).sort()).toEqual(Object.keys(callers).sort());
  for (const [, body, path] of requests) {
    const answer = await callers[path as keyof typeof callers].ask('POST', path!, JSON.parse(body!));
    expect([path, answer.status < 300, answer.text]).toEqual([path, true, answer.text]);
  }
}, 60_000);
