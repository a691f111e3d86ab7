import { describe, expect, test } from '@jest/globals';
import { keepFresh } from '../../../src/signing/keysets/upkeep.ts';
import { day, makeRig } from '../rig.ts';

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 1));
}

describe('the upkeep of keyrings', () => {
  test('reloads the keys of a replica, and rotates when it is due', async () => {
    const rig = makeRig();
    const [busy, idle] = [rig.keyring(), rig.keyring()];
    await busy.start();
    await idle.start();
    const stop = keepFresh([idle], () => undefined, 1);
    await busy.revoke(busy.signer().kid);
    await until(() => idle.current().version === busy.current().version);
    rig.clock.at += 31 * day;
    await until(() => idle.current().keys.length === 3);
    await stop();
    expect(idle.current().version).toBe(3);
  });

  test('reports a failure and goes on with the next set and the next run', async () => {
    const rig = makeRig();
    const [workload, authorization] = [rig.keyring(), rig.keyring({ keySet: 'authorization' })];
    await workload.start();
    await authorization.start();
    const thrown: unknown[] = [];
    rig.store.isDown = true;
    const stop = keepFresh([workload, authorization], (one) => thrown.push(one), 1);
    await until(() => thrown.length >= 4);
    expect(String(thrown[0])).toContain('the database is away');
    rig.store.isDown = false;
    rig.clock.at += 31 * day;
    await until(() => workload.current().keys.length === 3 && authorization.current().keys.length === 3);
    await stop();
  });

  test('N59 changes nothing on a set that cannot be trusted', async () => {
    const rig = makeRig();
    const keyring = rig.keyring();
    await keyring.start();
    rig.store.tamper((rows) => rows.map((row) => ({ ...row, sealed_private: 'AAAA' })));
    rig.clock.at += 31 * day;
    const { changes, loads } = rig.store;
    const stop = keepFresh([keyring], () => undefined, 1);
    await until(() => rig.store.loads > loads + 3);
    await stop();
    expect(rig.store.changes).toBe(changes);
    expect(rig.faults).toHaveLength(1);
  });

  test('makes no reads after it stops', async () => {
    const rig = makeRig();
    const keyring = rig.keyring();
    await keyring.start();
    const stop = keepFresh([keyring], () => undefined, 1);
    await until(() => rig.store.loads > 3);
    await stop();
    const { loads } = rig.store;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(rig.store.loads).toBe(loads);
  });
});
