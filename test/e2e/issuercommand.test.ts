import { beforeAll, describe, expect, test } from '@jest/globals';
import { ended, expectOneLine } from '../faults/commands.ts';
import { type Home, makeHome, type Settings, settingsOf, spawnArsia } from '../support/arsia.ts';

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
  const refusal = new RegExp(
    `The issuer of this installation is ${first}, and not ${second}\\. Set ARSIA_ISSUER=${first}\\. To change .+ ` +
      `\`arsia server issuer change --from ${first} --to ${second}\`: every trust document .+ stops working`,
  );

  /** Starts a server with this issuer, and stops it once it is ready. */
  async function serve(issuer: string): Promise<void> {
    const server = spawnArsia(['serve'], { settings: { ...settings, ARSIA_ISSUER: issuer }, cwd: home.folder });
    await server.ready(origin);
    const discovery = await fetch(`${origin}/.well-known/openid-configuration`);
    expect(await discovery.json()).toMatchObject({ issuer });
    server.child.kill('SIGTERM');
    expect(await server.exited).toMatchObject({ code: 0 });
  }

  test('stops the start, and every command that opens the installation', async () => {
    await serve(first);
    for (const words of ['serve', 'server bootstrap --organization acme', 'server keys list'])
      expectOneLine(await arsia(words, second), refusal);
    const checked = await arsia('server check', second);
    expect([checked.code, checked.stdout]).toEqual([1, expect.stringMatching(/^NO {2}issuer +The issuer of this /m)]);
    expect((await arsia('server check')).code).toBe(0);
    await serve(first);
  }, 120_000);

  test.each([
    [
      `--from ${second} --to https://other.example.com`,
      /The issuer of this installation is https:\/\/arsia\.example\.com/,
    ],
    [`--from ${first} --to ${first}`, /--to must be another issuer than --from/],
    [`--from ${first} --to ${second}/`, /--to must have no trailing slash; it is "https:\/\/id\.example\.com\/"/],
    [`--from ${first} --to http://id.example.com`, /--to must be https/],
  ])(
    '`arsia server issuer change %s` is refused, and changes nothing',
    async (options, line) => {
      expectOneLine(await arsia(`server issuer change ${options}`), line);
      expect((await arsia('server check')).code).toBe(0);
    },
    60_000,
  );

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
    expectOneLine(await arsia('serve'), new RegExp(`is ${second}, and not ${first}\\.`));
    const { stdout } = await arsia('server audit export', second);
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.filter(({ action }) => action === 'issuer.change')).toMatchObject([
      { outcome: 'success', actor_kind: 'system', detail: { from: first, to: second, identities: 0 } },
    ]);
  }, 120_000);
});
