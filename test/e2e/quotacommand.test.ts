import { beforeAll, describe, expect, test } from '@jest/globals';
import { quotaNames } from '../../src/core/quotas.ts';
import { ended } from '../faults/commands.ts';
import { type Home, makeHome, type Settings, settingsOf } from '../support/arsia.ts';

describe('N68 arsia server admin quota', () => {
  let home: Home;
  let settings: Settings;

  beforeAll(async () => {
    home = await makeHome('postgres');
    ({ settings } = await settingsOf(home));
    await arsia('server', 'bootstrap', '--organization', 'acme');
  }, 120_000);

  const arsia = (...args: string[]) => ended(args, settings, home.folder);
  const quota = (...more: string[]) => arsia('server', 'admin', 'quota', '--organization', 'acme', ...more);
  const rowsOf = (stdout: string) =>
    Object.fromEntries(stdout.split('\n').map((line) => [line.split(' ')[0], line.split(/ {2,}/).slice(1)]));

  test('lists every quota with its value and usage, and sets the named ones', async () => {
    const listed = await quota();
    expect([listed.code, listed.stderr]).toEqual([0, '']);
    const rows = rowsOf(listed.stdout);
    expect(Object.keys(rows)).toEqual(expect.arrayContaining(quotaNames));
    expect(rows.users).toEqual(['50000', '1 used', 'default']);
    expect(rows.access_rules_per_identity).toEqual(['50', 'for each managed identity', 'default']);
    const changed = rowsOf((await quota('--set', 'workspaces=100000', '--set', 'groups=7')).stdout);
    expect([changed.workspaces![0], changed.workspaces![2]]).toEqual(['100000', 'default 50000']);
    expect(changed.groups![0]).toBe('7');
    const again = rowsOf((await quota('--set', 'groups=default')).stdout);
    expect([again.groups![0], again.workspaces![0]]).toEqual(['10000', '100000']);
  }, 120_000);

  test.each([
    ['workspace=5', 'Quota workspace is no quota: the nearest name is `workspaces`.'],
    ['groups', '--set must be a quota and its value.'],
  ])(
    '%s: exits with 1 and one message with the right form',
    async (text, message) => {
      const { code, stdout, stderr } = await quota('--set', text);
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toContain(message);
    },
    120_000,
  );
});
