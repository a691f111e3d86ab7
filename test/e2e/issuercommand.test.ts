import { hostname } from 'node:os';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { lockAuditTable } from '../faults/auditlock.ts';
import { ended, expectOneLine } from '../faults/commands.ts';
import { type Home, makeHome, type Settings, type Spawned, settingsOf, spawnArsia } from '../support/arsia.ts';
import type { Body } from '../support/client.ts';
import { execute } from '../support/postgres.ts';

const [first, second] = ['https://arsia.example.com', 'https://id.example.com'];

describe('a changed ARSIA_ISSUER', () => {
  let home: Home;
  let settings: Settings;
  let origin: string;

  beforeAll(async () => {
    home = await makeHome('postgres');
    ({ settings, origin } = await settingsOf(home, { issuer: first }));
  }, 120_000);

  const arsia = (words: string, issuer = first) =>
    ended(words.split(' '), { ...settings, ARSIA_ISSUER: issuer }, home.folder);
  const change = (from: string, to: string, ...more: string[]) =>
    arsia(['server issuer change --from', from, '--to', to, ...more].join(' '));
  const isNot = (kept: string, other: string) =>
    new RegExp(`The issuer of this installation is ${kept}, and not ${other}\\.`);

  async function start(issuer: string): Promise<Spawned> {
    const server = spawnArsia(['serve'], { settings: { ...settings, ARSIA_ISSUER: issuer }, cwd: home.folder });
    await server.ready(origin);
    const discovery = await fetch(`${origin}/.well-known/openid-configuration`);
    expect(await discovery.json()).toMatchObject({ issuer });
    return server;
  }

  /** Starts a server with this issuer, and stops it once it is ready. */
  async function serve(issuer: string): Promise<void> {
    const server = await start(issuer);
    server.child.kill('SIGTERM');
    expect(await server.exited).toMatchObject({ code: 0 });
  }

  async function readIssuer(): Promise<string | undefined> {
    const { rows } = await execute(home.urls!.owner, "SELECT value FROM installation_facts WHERE name = 'issuer'");
    return rows[0]?.value;
  }

  async function readChanges(outcome: string): Promise<Body[]> {
    const { stdout } = await arsia('server audit export', await readIssuer());
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    return events.filter((event) => event.action === 'issuer.change' && event.outcome === outcome);
  }

  test('is nothing before the first server: a command, which may lack the setting, stores no issuer', async () => {
    expect(await arsia('server bootstrap --organization acme', second)).toMatchObject({ code: 0 });
    expect(await readIssuer()).toBe(undefined);
    expectOneLine(
      await change(first, second),
      /No server has started on this database yet, .+ Start the server with ARSIA_ISSUER=https:\/\/id\.example\.com\.$/m,
    );
  }, 120_000);

  test('stops the start, and every command that opens the installation', async () => {
    await serve(first);
    const refusal = new RegExp(
      `${isNot(first, second).source} Set ARSIA_ISSUER=${first}\\. To change .+ ` +
        `\`arsia server issuer change --from ${first} --to ${second}\`: every trust document .+ stops working`,
    );
    for (const words of ['serve', 'server bootstrap --organization other', 'server keys list'])
      expectOneLine(await arsia(words, second), refusal);
    const checked = await arsia('server check', second);
    expect([checked.code, checked.stdout]).toEqual([1, expect.stringMatching(/^NO {2}issuer +The issuer of this /m)]);
    expect((await arsia('server check')).code).toBe(0);
    expect(await readIssuer()).toBe(first);
  }, 120_000);

  test.each([
    [second, 'https://other.example.com', /The issuer of this installation is https:\/\/arsia\.example\.com, and not/],
    [first, first, /--to must be another issuer than --from/],
    [first, `${second}/`, /--to must have no trailing slash; it is "https:\/\/id\.example\.com\/"/],
    [first, 'http://id.example.com', /--to must be https/],
  ])(
    'is not accepted after `arsia server issuer change --from %s --to %s`, which is refused',
    async (from, to, line) => {
      expectOneLine(await change(from, to), line);
      expect(await readIssuer()).toBe(first);
    },
    60_000,
  );

  test('is not accepted when `arsia server issuer change` is killed before its record is written', async () => {
    const lock = await lockAuditTable(home.urls!.admin);
    const killed = spawnArsia(['server', 'issuer', 'change', '--from', first, '--to', second], { settings });
    await lock.untilInsertWaits();
    killed.child.kill('SIGKILL');
    await killed.exited;
    await lock.release();
    expect(await readIssuer()).toBe(first);
    expect(await readChanges('success')).toEqual([]);
    await serve(first);
  }, 120_000);

  test('is not accepted while a server runs, unless the change is forced, which ends that server', async () => {
    const server = await start(first);
    const name = `arsia ${server.child.pid}@${hostname()}`;
    const refused = await change(first, second);
    expectOneLine(refused, /Other processes have this database open, .+ Stop them and run the command again\./);
    expect(refused.stderr).toContain(name);
    expect([await readIssuer(), (await fetch(`${origin}/readyz`)).status]).toEqual([first, 200]);
    expect((await readChanges('refused')).at(-1)).toMatchObject({
      code: 'conflict',
      detail: { from: first, to: second, force: false },
    });

    expect(await change(first, second, '--force')).toMatchObject({ code: 0 });
    expect((await server.exited).code).toBe(1);
    expect(server.stderr()).toMatch(isNot(second, first));
    expect(await change(second, first)).toMatchObject({ code: 0 });
  }, 120_000);

  test('is accepted once `arsia server issuer change` was run, which says what breaks and is recorded', async () => {
    // The environment may already have the issuer of the next start.
    const changed = await arsia(`server issuer change --from ${first} --to ${second}`, second);
    expect([changed.code, changed.stdout]).toEqual([0, '']);
    for (const text of [
      `The issuer is ${second} now. Start every server with ARSIA_ISSUER=${second}.`,
      `Every trust document that names ${first}, of 0 managed identities`,
      `the redirect URI ${second}/oauth2/callback`,
    ])
      expect(changed.stderr).toContain(text);
    await serve(second);
    expectOneLine(await arsia('serve'), isNot(second, first));
    expect((await readChanges('success')).at(-1)).toMatchObject({
      actor_kind: 'system',
      detail: { from: first, to: second, force: false, identities: 0 },
    });
  }, 120_000);
});
