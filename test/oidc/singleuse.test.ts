import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { errors } from 'oidc-provider';
import { createAdapters } from '../../src/oidc/adapter.ts';
import { systemClock } from '../../src/server/clock.ts';
import { freshDatabase, type TestDatabase } from '../support/databases.ts';
import { rounds } from '../support/rounds.ts';
import {
  addKeyAccount,
  assertionForm,
  createWorld,
  type Replica,
  startReplica,
  testKeys,
  type World,
} from './support.ts';

const tries = rounds(20, 200);
const uses = 20;

/** Two replicas: two oidc-providers, each with its own connections to one PostgreSQL (threats.md M1 to M3). */
describe('single use over two replicas on PostgreSQL', () => {
  let databases: TestDatabase;
  let world: World;
  let replicas: Replica[];

  beforeAll(async () => {
    databases = await freshDatabase('postgres');
    world = createWorld();
    const keys = await testKeys();
    const first = await startReplica({ world, database: databases.database, keys });
    const issuer = first.issuer.replace('/oauth2', '');
    replicas = [first, await startReplica({ world, database: await databases.another(), keys, issuer })];
  }, 60_000);

  test('N12 F13 one assertion, 20 times at once: one access token', async () => {
    const account = await addKeyAccount(world);
    for (let round = 0; round < tries; round++) {
      world.events.length = 0;
      const form = assertionForm(await account.assert(replicas[0]!.issuer));
      const answers = await Promise.all(
        Array.from({ length: uses }, (_, index) => replicas[index % 2]!.post('/token', form)),
      );
      const statuses = answers.map(({ status }) => status).sort();
      expect(statuses).toEqual([200, ...Array.from({ length: uses - 1 }, () => 401)]);
      const losers = answers.filter(({ status }) => status === 401);
      expect(new Set(losers.map(({ body }) => body.error))).toEqual(new Set(['invalid_client']));
      expect(world.events.filter(({ outcome }) => outcome === 'success')).toHaveLength(1);
    }
    const tokens = await databases.database.query
      .selectFrom('oidc_artifacts')
      .select('id_hash')
      .where('model', '=', 'ClientCredentials')
      .execute();
    expect(tokens).toHaveLength(tries);
  }, 300_000);

  test('N13 F13 one authorization code, consumed 20 times at once: one succeeds, the others get invalid_grant', async () => {
    const adapters = replicas.map(({ artifacts }) =>
      createAdapters({ artifacts, clock: systemClock, lookupClient: async () => undefined })('AuthorizationCode'),
    );
    for (let round = 0; round < tries; round++) {
      const code = randomBytes(16).toString('hex');
      await adapters[0]!.upsert(code, { grantId: `grant-${round}`, clientId: 'c' }, 60);
      expect(await adapters[1]!.find(code)).toEqual({ grantId: `grant-${round}`, clientId: 'c' });
      const results = await Promise.allSettled(
        Array.from({ length: uses }, (_, index) => adapters[index % 2]!.consume(code)),
      );
      const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
      expect(refused).toHaveLength(uses - 1);
      expect(refused.every((reason) => reason instanceof errors.InvalidGrant)).toBe(true);
      // Each refused request has ended the grant with everything under it, including the code.
      expect(await adapters[1]!.find(code)).toBeUndefined();
    }
  }, 300_000);
});
