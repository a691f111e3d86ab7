import { beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Database } from '../../../src/database/connections.ts';
import {
  type Artifact,
  type ArtifactSealer,
  type ArtifactStore,
  createArtifactStore,
  hashToken,
} from '../../../src/store/issuing/artifacts.ts';
import { databaseKinds, freshDatabase } from '../../support/databases.ts';

/** Notes the context in front, so that a row that was moved does not open. */
const sealer: ArtifactSealer = {
  seal: async (plaintext, context) =>
    Buffer.from(`${JSON.stringify(context)}|${Buffer.from(plaintext).toString('hex')}`),
  async open(sealed, context) {
    const [written, hex] = Buffer.from(sealed).toString().split('|');
    if (written !== JSON.stringify(context)) throw new Error('sealed for another place');
    return Buffer.from(hex!, 'hex');
  },
};

const now = Date.parse('2026-11-21T12:00:00.500Z');
const minute = 60_000;

describe.each(databaseKinds)('artifacts: %s', (kind) => {
  let database: Database;
  let store: ArtifactStore;

  beforeAll(async () => {
    ({ database } = await freshDatabase(kind));
    store = createArtifactStore({ database, sealer });
  }, 60_000);

  beforeEach(async () => {
    await database.query.deleteFrom('oidc_artifacts').execute();
  });

  const artifact = (more: Partial<Artifact> = {}): Artifact => ({
    model: 'AccessToken',
    id: 'token-1',
    payload: { jti: 'token-1', nested: { list: [1, 'two', null] } },
    expires_at: now + minute,
    ...more,
  });
  const find = (id: string, model = 'AccessToken', at = now) => store.find(model, { id }, at);

  test('keeps a payload, and finds it by id, by uid and by user code, within its model', async () => {
    await store.save(artifact({ uid: 'uid-1', user_code: 'ABCD' }));
    const found = { payload: { jti: 'token-1', nested: { list: [1, 'two', null] } }, consumed_at: null };
    expect(await find('token-1')).toEqual(found);
    expect(await store.find('AccessToken', { uid: 'uid-1' }, now)).toEqual(found);
    expect(await store.find('AccessToken', { user_code: 'ABCD' }, now)).toEqual(found);
    expect(await find('token-1', 'RefreshToken')).toBeUndefined();
    expect(await find('token-2')).toBeUndefined();
  });

  test('stores ids only as hashes', async () => {
    await store.save(
      artifact({ id: 'the-id', grant_id: 'the-grant', uid: 'the-uid', user_code: 'the-code', payload: {} }),
    );
    const [row] = await database.query.selectFrom('oidc_artifacts').selectAll().execute();
    const text = JSON.stringify(row, (_, value) =>
      value?.type === 'Buffer' ? Buffer.from(value.data).toString('latin1') : value,
    );
    expect(text).not.toMatch(/the-(id|grant|uid|code)/);
    expect(Buffer.from(row!.id_hash).equals(hashToken('the-id'))).toBe(true);
  });

  test('refuses a payload that was moved to another row', async () => {
    await store.save(artifact());
    await store.save(artifact({ id: 'token-2', payload: { jti: 'token-2' } }));
    const rows = await database.query.selectFrom('oidc_artifacts').selectAll().execute();
    const [mine, foreign] = [hashToken('token-1'), hashToken('token-2')].map(
      (hash) => rows.find((row) => Buffer.from(row.id_hash).equals(hash))!,
    );
    await database.query
      .updateTable('oidc_artifacts')
      .set({ payload: foreign!.payload })
      .where('id_hash', '=', mine!.id_hash)
      .execute();
    await expect(find('token-1')).rejects.toThrow('sealed for another place');
  });

  test('replaces the payload when saved again, and keeps whether it was consumed', async () => {
    await store.save(artifact());
    expect(await store.consume('AccessToken', 'token-1', now)).toBe(true);
    await store.save(artifact({ payload: { changed: true }, expires_at: null }));
    expect(await find('token-1', 'AccessToken', now + 100 * minute)).toEqual({
      payload: { changed: true },
      consumed_at: now,
    });
  });

  test('M1 saves once: refuses the second time, expired or not, and accepts one of twenty at once', async () => {
    expect(await store.saveOnce(artifact())).toBe(true);
    expect(await store.saveOnce(artifact({ payload: {} }))).toBe(false);
    expect((await find('token-1'))?.payload).toHaveProperty('jti');
    await store.save(artifact({ expires_at: now - minute }));
    expect(await store.saveOnce(artifact())).toBe(false);
    const many = await Promise.all(Array.from({ length: 20 }, () => store.saveOnce(artifact({ id: 'fresh' }))));
    expect(many.filter(Boolean)).toHaveLength(1);
  });

  test('M2 consumes once, and never what has expired or does not exist', async () => {
    await store.save(artifact());
    const many = await Promise.all(Array.from({ length: 20 }, () => store.consume('AccessToken', 'token-1', now)));
    expect(many.filter(Boolean)).toHaveLength(1);
    await store.save(artifact({ id: 'old', expires_at: now }));
    expect(await store.consume('AccessToken', 'old', now)).toBe(false);
    expect(await store.consume('AccessToken', 'none', now)).toBe(false);
    expect(await store.consume('RefreshToken', 'token-1', now)).toBe(false);
  });

  test('finds nothing that has expired, to the millisecond', async () => {
    await store.save(artifact({ expires_at: now }));
    expect(await find('token-1', 'AccessToken', now - 1)).toBeDefined();
    expect(await find('token-1', 'AccessToken', now)).toBeUndefined();
  });

  test('destroys one artifact, and everything of a grant', async () => {
    for (const model of ['AccessToken', 'RefreshToken', 'AuthorizationCode'])
      await store.save(artifact({ model, id: model, grant_id: 'grant-1' }));
    await store.save(artifact({ id: 'other', grant_id: 'grant-2' }));
    await store.destroy('AccessToken', 'AccessToken');
    expect(await find('AccessToken')).toBeUndefined();
    expect(await find('RefreshToken', 'RefreshToken')).toBeDefined();
    await store.revokeGrant('grant-1');
    expect(await find('RefreshToken', 'RefreshToken')).toBeUndefined();
    expect(await find('AuthorizationCode', 'AuthorizationCode')).toBeUndefined();
    expect(await find('other')).toBeDefined();
  });

  test('finds the principal of a live access token by its hash, and of no other artifact', async () => {
    const principal_id = 'usr_1';
    await store.save(artifact({ principal_id }));
    await store.save(artifact({ model: 'ClientCredentials', id: 'token-2', principal_id: 'sa_1' }));
    await store.save(artifact({ model: 'RefreshToken', id: 'refresh', principal_id }));
    const principal = (id: string, at = now) => store.findPrincipal(hashToken(id), at);
    expect(await principal('token-1')).toEqual({ principal_id, expires_at: now + minute });
    expect(await principal('token-2')).toEqual({ principal_id: 'sa_1', expires_at: now + minute });
    expect(await principal('token-1', now + minute)).toBeUndefined();
    expect(await principal('refresh')).toBeUndefined();
    expect(await principal('unknown')).toBeUndefined();
  });

  test('refuses a token whose grant is gone or has expired', async () => {
    await store.save(artifact({ principal_id: 'usr_1', grant_id: 'grant-1' }));
    const principal = () => store.findPrincipal(hashToken('token-1'), now);
    expect(await principal()).toBeUndefined();
    await store.save(artifact({ model: 'Grant', id: 'grant-1', expires_at: now }));
    expect(await principal()).toBeUndefined();
    await store.save(artifact({ model: 'Grant', id: 'grant-1', expires_at: now + 1 }));
    expect(await principal()).toMatchObject({ principal_id: 'usr_1' });
  });

  test('sweeps what expired minutes ago, and keeps the rest', async () => {
    const expiries = { long: now - 6 * minute, just: now - 4 * minute, live: now + minute, never: null };
    for (const [id, expires_at] of Object.entries(expiries)) await store.save(artifact({ id, expires_at }));
    expect(await store.sweep(now)).toBe(1);
    expect(await store.sweep(now)).toBe(0);
    const rows = await database.query.selectFrom('oidc_artifacts').select('id_hash').execute();
    const left = rows.map((row) => Buffer.from(row.id_hash).toString('hex')).sort();
    expect(left).toEqual(['just', 'live', 'never'].map((id) => Buffer.from(hashToken(id)).toString('hex')).sort());
  });

  test('sweeps in batches', async () => {
    await database.statement(
      'many_artifacts',
      `INSERT INTO oidc_artifacts (model, id_hash, payload, expires_at)
       SELECT 'AccessToken', decode(lpad(n::text, 6, '0'), 'hex'), '', $1 FROM generate_series(1, 5001) AS n`,
      [new Date(now - 10 * minute)],
    );
    expect(await store.sweep(now)).toBe(5001);
  });
});
