import { beforeEach, describe, expect, test } from '@jest/globals';
import type { SigningKeyring } from '../../../src/signing/keysets/keyring.ts';
import { watchKeys } from '../../../src/signing/keysets/keywatch.ts';
import { errorOf, hour, kidsOf, makeRig, type Rig } from '../rig.ts';

const second = 1000;

describe('F30 a replica that cannot read its keys', () => {
  let rig: Rig;
  let keyring: SigningKeyring;
  let other: SigningKeyring;

  beforeEach(async () => {
    rig = makeRig();
    [keyring, other] = [rig.keyring(), rig.keyring()];
    await keyring.start();
    await other.start();
  });

  /** Time goes by; each read meanwhile fails, or not. */
  async function passes(milliseconds: number): Promise<void> {
    rig.steady += milliseconds;
    await keyring.reload().catch(() => {});
  }
  const served = () => keyring.publication();
  const isWithheld = async () => (await errorOf(served)).code === 'unavailable';
  /** Changes the keys by a replica whose reads succeed. */
  async function revokedElsewhere(): Promise<string> {
    const { isForbidden } = rig.store;
    rig.store.isForbidden = false;
    const { kid } = other.signer();
    await other.revoke(kid);
    rig.store.isForbidden = isForbidden;
    return kid;
  }

  test.each(['isDown', 'isForbidden'] as const)(
    'is not ready after 30 s, whatever the wall clock says, and ready again with the first read: %s',
    async (fails) => {
      rig.store[fails] = true;
      rig.clock.at += hour;
      await passes(29 * second);
      expect(keyring.unreadiness()).toBeUndefined();
      await passes(second);
      expect(keyring.unreadiness()).toBe('the workload keys were last read 30 s ago: see the log');
      rig.store[fails] = false;
      await passes(second);
      expect(keyring.unreadiness()).toBeUndefined();
    },
  );

  test('logs the begin and the end once', async () => {
    const lines: unknown[] = [];
    const line = (fields: object, message: string) => void lines.push([message, fields]);
    const look = watchKeys([keyring], { info: line, error: line });
    look();
    rig.store.isDown = true;
    await passes(31 * second);
    look();
    look();
    await passes(10 * second);
    look();
    rig.store.isDown = false;
    await passes(second);
    look();
    look();
    expect(lines).toEqual([
      [
        'not ready: the keys cannot be read',
        { key_set: 'workload', fault: 'the workload keys were last read 31 s ago: see the log' },
      ],
      ['ready again: the keys were read', { key_set: 'workload' }],
    ]);
  });

  test('F6 serves its JWKS for an hour while the database is away, with a short max-age, and no longer', async () => {
    const { jwks } = keyring.current();
    expect(served()).toMatchObject({ jwks, maximum_age: 300 });
    rig.store.isDown = true;
    await passes(10 * 60 * second);
    expect(served()).toMatchObject({ jwks, maximum_age: 30 });
    await passes(50 * 60 * second - 1);
    expect(served().jwks).toBe(jwks);
    await passes(1);
    expect(await isWithheld()).toBe(true);
    rig.store.isDown = false;
    await passes(second);
    expect(served()).toMatchObject({ jwks, maximum_age: 300 });
  });

  test('serves no revoked key for longer than 30 s after it could know of the change', async () => {
    rig.store.isForbidden = true;
    const leaked = await revokedElsewhere();
    await passes(second);
    expect(served().maximum_age).toBe(30);
    await passes(29 * second);
    expect(kidsOf(served().jwks)).toContain(leaked);
    await passes(second);
    const refused = await errorOf(served);
    expect(refused).toMatchObject({ code: 'unavailable', more: { retry_after: 10 } });
    expect(refused.message).toMatch(/changed 30 s ago and this replica cannot read them/);
    rig.store.isForbidden = false;
    await passes(second);
    expect(kidsOf(served().jwks)).not.toContain(leaked);
  });

  test('counts from the mint that told it of the change', async () => {
    const leaked = await revokedElsewhere();
    rig.store.isDown = true;
    await expect(keyring.ensureVersion(2)).rejects.toThrow('the database is away');
    expect(kidsOf(served().jwks)).toContain(leaked);
    await passes(30 * second);
    expect(await isWithheld()).toBe(true);
  });

  test('serves its JWKS while the database says that nothing has changed, and is not ready', async () => {
    rig.store.isForbidden = true;
    for (let hours = 0; hours < 3; hours++) await passes(hour);
    expect(served().maximum_age).toBe(300);
    expect(keyring.unreadiness()).toMatch(/last read 10800 s ago/);
  });

  test('drops a revoked key at once where it can read the rows but not open all of them', async () => {
    const leaked = await revokedElsewhere();
    rig.store.tamper((rows) => {
      rows.find(({ state }) => state === 'next')!.sealed_private = 'AAAA';
      return undefined;
    });
    await passes(second);
    expect(kidsOf(served().jwks)).not.toContain(leaked);
    expect(kidsOf(served().jwks)).toHaveLength(1);
    expect(keyring.unreadiness()).toBe('the stored signing keys were refused: see the log');
    for (let hours = 0; hours < 3; hours++) await passes(hour);
    expect(kidsOf(served().jwks)).toHaveLength(1);
  });

  test('serves no JWKS where the database has none of its keys', async () => {
    await revokedElsewhere();
    await revokedElsewhere();
    rig.store.tamper((rows) => rows.map((row) => ({ ...row, sealed_private: 'AAAA' })));
    await passes(second);
    expect((await errorOf(served)).message).toMatch(/has none of the workload keys that this replica holds/);
  });

  test('serves its JWKS for an hour where every row was deleted', async () => {
    const { jwks } = keyring.current();
    rig.store.tamper(() => []);
    await passes(second);
    expect(served().jwks).toBe(jwks);
    await passes(hour);
    expect(await isWithheld()).toBe(true);
  });

  test('serves no JWKS before the first read', async () => {
    const fresh = rig.keyring();
    expect((await errorOf(() => fresh.publication())).code).toBe('unavailable');
  });
});
