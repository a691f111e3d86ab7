import { beforeEach, describe, expect, test } from '@jest/globals';
import { maximumPublishedKeys } from '../../../src/core/keystates.ts';
import { lintJwks } from '../../../src/signing/keysets/jwks.ts';
import type { PublishedKeys, SigningKeyring } from '../../../src/signing/keysets/keyring.ts';
import { makeSigningKey } from '../../../src/signing/keysets/signingkeys.ts';
import { day, errorOf, hour, kidsOf, makeRig, type Rig } from '../rig.ts';

let rig: Rig;
beforeEach(() => {
  rig = makeRig();
});

async function started(change?: Parameters<Rig['keyring']>[0]): Promise<SigningKeyring> {
  const keyring = rig.keyring(change);
  await keyring.start();
  return keyring;
}

const statesOf = (keyring: SigningKeyring) => keyring.current().keys.map((key) => key.state);
const kidIn = (keyring: SigningKeyring, state: string) =>
  keyring.current().keys.find((key) => key.state === state)!.kid;

describe('a first start', () => {
  test('makes a signer and a standby, both published, the signer first', async () => {
    const keyring = await started();
    expect(statesOf(keyring)).toEqual(['active', 'next']);
    const { jwks, version } = keyring.current();
    expect(kidsOf(jwks)[0]).toBe(keyring.signer().kid);
    expect(lintJwks(jwks)).toEqual([]);
    expect(version).toBe(1);
    expect(keyring.fault()).toBeUndefined();
  });

  test('makes RS256 keys whose signatures the JWKS verifies', async () => {
    const keyring = await started({ alg: 'RS256' });
    const { keys } = JSON.parse(keyring.current().jwks);
    expect(keys.map((key: { alg: string }) => key.alg)).toEqual(['RS256', 'RS256']);
    expect(await keyring.signer().sign(Buffer.from('x'))).toHaveLength(256);
  });

  test('of two replicas at once makes one signer and one standby', async () => {
    const replicas = [rig.keyring(), rig.keyring(), rig.keyring()];
    await Promise.all(replicas.map((one) => one.start()));
    expect(rig.store.inserted).toBe(2);
    expect(new Set(replicas.map((one) => one.current().jwks)).size).toBe(1);
    expect(new Set(replicas.map((one) => one.signer().kid)).size).toBe(1);
  });

  test('makes no keys where there are stored ones', async () => {
    const first = await started();
    const second = await started();
    expect(second.current()).toEqual(first.current());
    expect(rig.store.inserted).toBe(2);
  });

  test('keeps key sets apart', async () => {
    const workload = await started();
    const authorization = await started({ keySet: 'authorization' });
    const all = [...kidsOf(workload.current().jwks), ...kidsOf(authorization.current().jwks)];
    expect(new Set(all).size).toBe(4);
  });

  test('comes before any signature or publication', async () => {
    const keyring = rig.keyring();
    expect((await errorOf(() => keyring.signer())).code).toBe('unavailable');
    expect((await errorOf(() => keyring.current())).code).toBe('unavailable');
    expect(keyring.isPublished('x')).toBe(false);
  });
});

describe('rotation', () => {
  test('is not due for 30 days, and asks the store for nothing until then', async () => {
    const keyring = await started();
    rig.clock.at += 30 * day - 1;
    const { changes, loads } = rig.store;
    expect(await keyring.rotate()).toEqual([]);
    expect({ changes: rig.store.changes, loads: rig.store.loads }).toEqual({ changes, loads });
  });

  test('after 30 days lets the standby sign, keeps the old key published for 26 h, and makes a standby', async () => {
    const keyring = await started();
    const [old, standby] = kidsOf(keyring.current().jwks);
    rig.clock.at += 30 * day;
    const changes = await keyring.rotate();
    expect(changes.map((one) => one.do)).toEqual(['retire', 'activate', 'insert']);
    expect(keyring.signer().kid).toBe(standby);
    expect(statesOf(keyring)).toEqual(['active', 'next', 'retiring']);
    expect(kidsOf(keyring.current().jwks)[2]).toBe(old);
    rig.clock.at += 26 * hour;
    expect(await keyring.rotate()).toEqual([{ do: 'remove', kid: old }]);
    expect(statesOf(keyring)).toEqual(['active', 'next']);
  });

  test('by command is refused with the moment from which the standby may sign, and changes nothing', async () => {
    const keyring = await started();
    const before = keyring.current();
    rig.clock.at += 25 * hour - 1;
    const error = await errorOf(() => keyring.rotate({ force: true }));
    expect(error.code).toBe('conflict');
    expect(error.message).toContain('2026-03-02T13:00:00.000Z');
    expect(error.advice).toContain(`arsia server keys revoke ${keyring.signer().kid}`);
    expect(keyring.current()).toEqual(before);
    rig.clock.at += 1;
    expect(await keyring.rotate({ force: true })).toHaveLength(3);
  });

  test('by command waits until the retiring key has left', async () => {
    const keyring = await started();
    rig.clock.at += 25 * hour;
    await keyring.rotate({ force: true });
    rig.clock.at += 25 * hour;
    const error = await errorOf(() => keyring.rotate({ force: true }));
    expect(error.message).toContain(new Date(rig.clock.at + hour).toISOString());
    rig.clock.at += hour;
    expect((await keyring.rotate({ force: true })).map((one) => one.do)).toEqual([
      'remove',
      'retire',
      'activate',
      'insert',
    ]);
  });

  test('by command on a new store makes the first keys', async () => {
    const keyring = rig.keyring();
    expect((await keyring.rotate({ force: true })).map((one) => one.do)).toEqual(['insert', 'insert']);
    expect(statesOf(keyring)).toEqual(['active', 'next']);
  });

  test('by command with a lost standby makes one, and says when that may sign', async () => {
    const keyring = await started();
    rig.store.tamper((rows) => rows.filter((row) => row.state === 'active'), { bump: true });
    await keyring.reload();
    rig.clock.at += day;
    const error = await errorOf(() => keyring.rotate({ force: true }));
    expect(error.message).toContain(new Date(rig.clock.at + 25 * hour).toISOString());
    expect(statesOf(keyring)).toEqual(['active', 'next']);
  });

  test('checks the publication time inside the transaction, on the stored rows', async () => {
    const [slow, quick] = [await started(), await started()];
    rig.clock.at += 25 * hour;
    await quick.rotate({ force: true });
    // For `slow` the old standby is ready: what it has in memory must not count.
    expect(statesOf(slow)).toEqual(['active', 'next']);
    const error = await errorOf(() => slow.rotate({ force: true }));
    expect(error.code).toBe('conflict');
    expect(slow.current()).toEqual(quick.current());
    expect(rig.store.inserted).toBe(3);
  });

  test('F14 of three replicas at once makes exactly one new key, 200 rounds', async () => {
    const replicas = [await started(), await started(), await started()];
    for (let round = 0; round < 200; round++) {
      const before = rig.store.inserted;
      rig.clock.at += 30 * day;
      const isForced = round % 2 === 1;
      const outcomes = await Promise.allSettled(replicas.map((one) => one.rotate({ force: isForced })));
      expect(rig.store.inserted - before).toBe(1);
      const winners = outcomes.filter(
        (one) => one.status === 'fulfilled' && one.value.some((step) => step.do === 'insert'),
      );
      expect(winners).toHaveLength(1);
      if (!isForced) expect(outcomes.filter((one) => one.status === 'rejected')).toEqual([]);
      expect(new Set(replicas.map((one) => one.current().jwks)).size).toBe(1);
      expect(kidsOf(replicas[0]!.current().jwks).length).toBeLessThanOrEqual(maximumPublishedKeys);
    }
    expect(rig.faults).toEqual([]);
  });

  test('F14 of a replica that dies before its commit changes nothing, and the next one rotates', async () => {
    const [dying, living] = [await started(), await started()];
    rig.clock.at += 30 * day;
    rig.store.beforeCommit = () => {
      rig.store.beforeCommit = undefined;
      throw new Error('killed');
    };
    await expect(dying.rotate()).rejects.toThrow('killed');
    expect(statesOf(dying)).toEqual(['active', 'next']);
    expect(rig.store.inserted).toBe(2);
    expect(await living.rotate()).toHaveLength(3);
    expect(rig.store.inserted).toBe(3);
  });

  test('on a replica whose clock is behind writes no times that run backwards', async () => {
    const keyring = await started();
    rig.clock.at -= hour;
    await keyring.revoke(kidIn(keyring, 'active'));
    expect(keyring.fault()).toBeUndefined();
    expect(statesOf(keyring)).toEqual(['active', 'next']);
  });
});

describe('a replica with an old version of the keys', () => {
  test('reads the keys before it signs for a mint that read a newer version', async () => {
    const [a, b] = [await started(), await started()];
    rig.clock.at += 30 * day;
    await a.rotate();
    expect(b.signer().kid).not.toBe(a.signer().kid);
    await b.ensureVersion(a.current().version);
    expect(b.signer().kid).toBe(a.signer().kid);
    expect(b.current()).toEqual(a.current());
  });

  test('does not read the keys when it has that version', async () => {
    const keyring = await started();
    const { loads } = rig.store;
    await Promise.all([0, 1].map((version) => keyring.ensureVersion(version)));
    expect(rig.store.loads).toBe(loads);
  });

  test('shares one read among all that wait, which began after the change', async () => {
    const [a, b] = [await started(), await started()];
    rig.clock.at += 30 * day;
    const early = b.reload();
    await new Promise((resolve) => process.nextTick(resolve));
    await a.rotate();
    const { loads } = rig.store;
    await Promise.all([early, ...Array.from({ length: 100 }, () => b.ensureVersion(2))]);
    expect(b.current().version).toBe(2);
    expect(rig.store.loads - loads).toBeLessThanOrEqual(1);
  });

  test('refuses to sign for a version that it cannot read', async () => {
    const keyring = await started();
    expect((await errorOf(() => keyring.ensureVersion(9))).code).toBe('unavailable');
    rig.store.isDown = true;
    await expect(keyring.ensureVersion(9)).rejects.toThrow('the database is away');
    await expect(keyring.ensureVersion(1)).resolves.toBeUndefined();
    expect(keyring.signer().kid).toBe(kidsOf(keyring.current().jwks)[0]);
    rig.store.isDown = false;
    await keyring.reload();
  });

  test('notifies its listeners of the published keys until they leave', async () => {
    const keyring = await started();
    const heard: PublishedKeys[] = [];
    const leave = keyring.onChange((keys) => heard.push(keys));
    await keyring.reload();
    expect(heard).toEqual([]);
    rig.clock.at += 30 * day;
    await keyring.rotate();
    expect(heard).toEqual([keyring.current()]);
    leave();
    rig.clock.at += 26 * hour;
    await keyring.rotate();
    expect(heard).toHaveLength(1);
  });

  test('reports a listener that fails, and goes on', async () => {
    const keyring = await started();
    keyring.onChange(() => {
      throw new Error('listener');
    });
    rig.clock.at += 30 * day;
    await keyring.rotate();
    expect(rig.faults.map(String)).toEqual(['Error: listener']);
    expect(keyring.fault()).toBeUndefined();
  });
});

describe('revocation', () => {
  test('of the signer drops it at once, lets the standby sign and makes a new standby', async () => {
    const [a, b] = [await started(), await started()];
    const [leaked, standby] = kidsOf(a.current().jwks);
    const changes = await a.revoke(leaked!);
    expect(changes.map((one) => one.do)).toEqual(['remove', 'activate', 'insert']);
    expect(a.signer().kid).toBe(standby);
    expect(statesOf(a)).toEqual(['active', 'next']);
    expect(a.isPublished(leaked!)).toBe(false);
    await b.ensureVersion(2);
    expect(b.current()).toEqual(a.current());
  });

  test('right after a rotation, by a replica whose clock is behind, is not taken for tampering', async () => {
    const [a, b] = [await started(), await started()];
    rig.clock.at += 30 * day;
    await a.rotate();
    rig.clock.at -= hour;
    await b.revoke(a.signer().kid);
    await a.reload();
    expect([a.fault(), b.fault()]).toEqual([undefined, undefined]);
    expect(a.current()).toEqual(b.current());
  });

  test('holds after a restart', async () => {
    const keyring = await started();
    const leaked = keyring.signer().kid;
    await keyring.revoke(leaked);
    const again = await started();
    expect(again.current().jwks).not.toContain(leaked);
    expect(again.signer().kid).not.toBe(leaked);
  });

  test('of the standby makes another, of the retiring key makes none', async () => {
    const keyring = await started();
    rig.clock.at += 30 * day;
    await keyring.rotate();
    const signer = keyring.signer().kid;
    await keyring.revoke(kidIn(keyring, 'retiring'));
    expect(statesOf(keyring)).toEqual(['active', 'next']);
    await keyring.revoke(kidIn(keyring, 'next'));
    expect(statesOf(keyring)).toEqual(['active', 'next']);
    expect(keyring.signer().kid).toBe(signer);
  });

  test('of one key by two replicas at once happens once', async () => {
    const [a, b] = [await started(), await started()];
    const leaked = a.signer().kid;
    const outcomes = await Promise.allSettled([a.revoke(leaked), b.revoke(leaked)]);
    expect(outcomes.map((one) => one.status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(rig.store.inserted).toBe(3);
  });

  test('of an unknown key, or of another set, is refused', async () => {
    const workload = await started();
    const authorization = await started({ keySet: 'authorization' });
    expect((await errorOf(() => workload.revoke('nothing'))).code).toBe('not_found');
    expect((await errorOf(() => workload.revoke(authorization.signer().kid))).code).toBe('not_found');
  });

  test('is followed by planned rotations again', async () => {
    const keyring = await started();
    await keyring.revoke(keyring.signer().kid);
    rig.clock.at += 30 * day + 1;
    expect(await keyring.rotate()).toHaveLength(3);
    expect(rig.faults).toEqual([]);
  });
});

type Rows = Parameters<Parameters<Rig['store']['tamper']>[0]>[0];
const rowOf = (rows: Rows, state: string) => rows.find((row) => row.state === state)!;

/** A whole key of somebody else, as a row of ours. */
const foreign = await makeSigningKey('ES256');

const tamperings: [string, (rows: Rows) => Rows | undefined][] = [
  [
    'the wrapped private part',
    (rows) => {
      const row = rowOf(rows, 'active');
      const bytes = Buffer.from(row.sealed_private, 'base64');
      bytes[bytes.length - 20]! ^= 1;
      row.sealed_private = bytes.toString('base64');
      return undefined;
    },
  ],
  [
    'a truncated private part',
    (rows) => {
      rowOf(rows, 'next').sealed_private = rowOf(rows, 'next').sealed_private.slice(0, 40);
      return undefined;
    },
  ],
  [
    'private parts swapped between rows',
    (rows) => {
      const [active, next] = [rowOf(rows, 'active'), rowOf(rows, 'next')];
      [active.sealed_private, next.sealed_private] = [next.sealed_private, active.sealed_private];
      return undefined;
    },
  ],
  [
    'the modulus, by a foreign key of a foreign certificate',
    (rows) => {
      const row = rowOf(rows, 'active');
      row.public_jwk = { ...foreign.public_jwk, kid: row.kid };
      return undefined;
    },
  ],
  [
    'one coordinate',
    (rows) => {
      rowOf(rows, 'active').public_jwk.x = foreign.public_jwk.x;
      return undefined;
    },
  ],
  [
    'the certificate alone',
    (rows) => {
      rowOf(rows, 'active').public_jwk.x5c = foreign.public_jwk.x5c;
      return undefined;
    },
  ],
  [
    'a private member published',
    (rows) => {
      rowOf(rows, 'active').public_jwk.d = 'AQAB';
      return undefined;
    },
  ],
  [
    'the kid',
    (rows) => {
      rowOf(rows, 'next').kid = foreign.kid;
      return undefined;
    },
  ],
  [
    'the kid in the JWK',
    (rows) => {
      rowOf(rows, 'next').public_jwk.kid = foreign.kid;
      return undefined;
    },
  ],
  [
    'the kids of two rows swapped',
    (rows) => {
      const [active, next] = [rowOf(rows, 'active'), rowOf(rows, 'next')];
      [active.kid, next.kid] = [next.kid, active.kid];
      return undefined;
    },
  ],
  [
    'the alg',
    (rows) => {
      rowOf(rows, 'active').alg = 'RS256';
      return undefined;
    },
  ],
  [
    'an alg that does not exist',
    (rows) => {
      rowOf(rows, 'active').alg = 'none';
      return undefined;
    },
  ],
  [
    'states swapped',
    (rows) => {
      const [active, next] = [rowOf(rows, 'active'), rowOf(rows, 'next')];
      [active.state, next.state] = [next.state, active.state];
      return undefined;
    },
  ],
  [
    'the signer made retiring',
    (rows) => {
      rowOf(rows, 'active').state = 'retiring';
      return undefined;
    },
  ],
  [
    'a standby brought forward with matching times',
    (rows) => {
      const [active, next] = [rowOf(rows, 'active'), rowOf(rows, 'next')];
      const at = next.published_at + 1;
      Object.assign(active, { state: 'retiring', retired_at: at });
      Object.assign(next, { state: 'active', activated_at: at });
      return undefined;
    },
  ],
  ['the signer deleted', (rows) => rows.filter((row) => row.state !== 'active')],
  [
    'a foreign key inserted with somebody`s sealed part',
    (rows) => [
      ...rows,
      {
        ...rowOf(rows, 'active'),
        kid: foreign.kid,
        state: 'retiring',
        retired_at: rowOf(rows, 'active').published_at + 1,
        public_jwk: { ...foreign.public_jwk },
      },
    ],
  ],
];

describe('N59 tampered rows', () => {
  test.each(tamperings)('%s: a start is refused with one line', async (_, alter) => {
    await started();
    rig.store.tamper(alter);
    const { message } = await rig
      .keyring()
      .start()
      .then(
        () => new Error('it started'),
        (error: Error) => error,
      );
    expect(message).toMatch(/^The stored workload keys cannot be trusted: /);
    expect(message).not.toContain('\n');
    expect(rig.store.inserted).toBe(2);
  });

  test.each(
    tamperings.flatMap(([name, alter]) =>
      [false, true].map((bump) => [name, bump ? 'with' : 'without', alter, bump] as const),
    ),
  )(
    '%s, %s a new version: a running replica keeps its keys or stops signing, and reports it once',
    async (_, __, alter, bump) => {
      const keyring = await started();
      const before = keyring.current();
      const { kid } = keyring.signer();
      const restore = rig.store.backup();
      rig.store.tamper(alter, { bump });
      await keyring.reload();
      await keyring.reload();
      expect(rig.faults).toHaveLength(1);
      expect(keyring.fault()?.message).toBe(rig.faults[0]?.message);
      // Whatever it still publishes or signs with is what it had found whole.
      for (const one of kidsOf(keyring.current().jwks)) expect(kidsOf(before.jwks)).toContain(one);
      if (keyring.isPublished(kid)) {
        expect(keyring.signer().kid).toBe(kid);
        expect(kidsOf(keyring.current().jwks)[0]).toBe(kid);
        await expect(keyring.ensureVersion(before.version + Number(bump))).resolves.toBeUndefined();
      } else expect((await errorOf(() => keyring.signer())).code).toBe('unavailable');
      // No change on rows that others altered.
      rig.clock.at += 30 * day;
      await expect(keyring.rotate()).rejects.toThrow(/cannot be trusted/);
      expect(rig.store.inserted).toBe(2);
      restore();
      if (!bump) {
        await keyring.reload();
        expect(keyring.fault()).toBeUndefined();
        expect(keyring.current().jwks).toBe(before.jwks);
      }
    },
  );

  test('refuses a change that the states allow when the version stayed the same', async () => {
    const keyring = await started();
    rig.store.tamper((rows) => rows.filter((row) => row.state === 'active'));
    await keyring.reload();
    expect(keyring.fault()?.message).toMatch(/its rows changed without a new version/);
    expect(statesOf(keyring)).toEqual(['active']);
  });

  test('refuses to sign with a row that was moved to another set', async () => {
    await started();
    rig.store.tamper((rows) => rows.map((row) => ({ ...row, key_set: 'authorization' })), {
      bump: true,
      keySet: 'authorization',
    });
    await expect(rig.keyring({ keySet: 'authorization' }).start()).rejects.toThrow(/does not open/);
  });

  test('neither sign nor publish a revoked key, also when another row was altered to hide it', async () => {
    const [a, b] = [await started(), await started()];
    const leaked = a.signer().kid;
    await a.revoke(leaked);
    rig.store.tamper((rows) => {
      rowOf(rows, 'active').sealed_private = 'AAAA';
      return undefined;
    });
    await b.ensureVersion(2);
    expect(b.fault()).toBeDefined();
    expect(b.current().jwks).not.toContain(leaked);
    expect((await errorOf(() => b.signer())).code).toBe('unavailable');
  });

  test('do not stop the revocation of a leaked key, and are reported', async () => {
    const keyring = await started();
    const leaked = keyring.signer().kid;
    rig.store.tamper((rows) => {
      rowOf(rows, 'next').public_jwk.x5c = foreign.public_jwk.x5c;
      return undefined;
    });
    await expect(keyring.revoke(leaked)).rejects.toThrow(/has an x5c of another key/);
    expect(keyring.isPublished(leaked)).toBe(false);
    expect((await errorOf(() => keyring.signer())).code).toBe('unavailable');
  });

  test('never become the signer: a damaged standby is revoked before the leaked key', async () => {
    const keyring = await started();
    const [leaked, damaged] = kidsOf(keyring.current().jwks);
    rig.store.tamper((rows) => {
      rowOf(rows, 'next').sealed_private = 'AAAA';
      return undefined;
    });
    await expect(keyring.revoke(leaked!)).rejects.toThrow(damaged);
    expect(rig.store.inserted).toBe(2);
    await keyring.revoke(damaged!);
    await keyring.revoke(leaked!);
    expect(keyring.fault()).toBeUndefined();
    expect(statesOf(keyring)).toEqual(['active', 'next']);
  });

  test('that are all deleted end signing, and the JWKS is served on', async () => {
    const keyring = await started();
    const { jwks } = keyring.current();
    rig.store.tamper(() => []);
    await keyring.reload();
    expect(keyring.current().jwks).toBe(jwks);
    expect((await errorOf(() => keyring.signer())).code).toBe('unavailable');
    await expect(keyring.rotate()).rejects.toThrow(/cannot be trusted/);
    expect(rig.store.inserted).toBe(2);
  });

  test('are reported again when a second fault follows', async () => {
    const keyring = await started();
    rig.store.tamper((rows) => rows.map((row) => ({ ...row, alg: 'none' })), { bump: true });
    await keyring.reload();
    rig.store.tamper((rows) => rows.map((row) => ({ ...row, alg: 'RS256' })), { bump: true });
    await keyring.reload();
    expect(rig.faults).toHaveLength(2);
  });

  test('can be revoked', async () => {
    const keyring = await started();
    rig.store.tamper((rows) => {
      rowOf(rows, 'next').sealed_private = 'AAAA';
      return undefined;
    });
    await keyring.reload();
    expect(keyring.fault()).toBeDefined();
    await keyring.revoke(kidIn(keyring, 'next'));
    expect(keyring.fault()).toBeUndefined();
    expect(statesOf(keyring)).toEqual(['active', 'next']);
  });

  test('F15 of a store that was restored from a backup are refused at run time', async () => {
    const keyring = await started();
    const restore = rig.store.backup();
    rig.clock.at += 30 * day;
    await keyring.rotate();
    restore();
    await keyring.reload();
    expect(keyring.fault()?.message).toMatch(/went back from 2 to 1, as after a restore/);
    expect(kidsOf(keyring.current().jwks)).toContain(keyring.signer().kid);
  });

  test('that another sealing key sealed are refused at the start, with the names of the keys', async () => {
    await started();
    const other = makeRig().sealer;
    await expect(rig.keyring({ sealer: other }).start()).rejects.toThrow(/does not open/);
  });
});
