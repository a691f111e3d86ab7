import { beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Insertable } from 'kysely';
import type { Database } from '../../../src/database/connections.ts';
import type { Tables } from '../../../src/database/tables.ts';
import { type CheckCredential, createCredentialCheck } from '../../../src/services/machines/livecredentials.ts';
import { createArtifactStore, hashToken } from '../../../src/store/issuing/artifacts.ts';
import { id, insertOrganization, now, type Organization } from '../../store/organization.ts';
import { databaseKinds, freshDatabase } from '../../support/databases.ts';

const minute = 60_000;
const sealer = { seal: async (bytes: Uint8Array) => bytes, open: async (bytes: Uint8Array) => bytes };
let made = 0;
const random = () => String(++made).padStart(43, 'r');

describe.each(databaseKinds)('N76 a look-up of credentials finds: %s', (kind) => {
  let database: Database;
  let acme: Organization;
  let statements: number;
  let check: CheckCredential;

  beforeAll(async () => {
    ({ database } = await freshDatabase(kind));
    acme = await insertOrganization(database);
  }, 60_000);

  beforeEach(() => {
    statements = 0;
    const counting: Database = {
      ...database,
      statement(name, text, values) {
        statements++;
        return database.statement(name, text, values);
      },
    };
    check = createCredentialCheck({ database: counting, clock: { now: () => now, random: () => new Uint8Array() } });
  });

  const isLive = (text: string, isAssertion = false) => check({ text, isAssertion });

  const startJob = async (more: Partial<Insertable<Tables['jobs']>> = {}): Promise<string> => {
    const token = `arsia_job_${random()}`;
    const row = await database.query
      .selectFrom('jobs')
      .selectAll()
      .where('id', '=', acme.job)
      .executeTakeFirstOrThrow();
    await database.query
      .insertInto('jobs')
      .values({ ...row, id: id('job'), token_hash: hashToken(token), labels: {}, ...more })
      .execute();
    return token;
  };
  const save = async (model: string, text: string, expires_at = now + minute): Promise<string> => {
    await createArtifactStore({ database, sealer }).save({ model, id: text, payload: {}, expires_at });
    return text;
  };
  const makeSecret = async (expires_at: number): Promise<string> => {
    const secret = `arsia_secret_${random()}`;
    await database.query
      .insertInto('service_account_secrets')
      .values({
        id: id('secret'),
        service_account_id: acme.launcher,
        secret_hash: hashToken(secret),
        expires_at: new Date(expires_at),
        created_at: new Date(now),
      })
      .execute();
    return secret;
  };

  test('job tokens until the job has ended', async () => {
    expect(await isLive(await startJob())).toBe(true);
    expect(await isLive(await startJob({ ended_at: new Date(now - 1) }))).toBe(false);
    expect(await isLive(await startJob({ deadline: new Date(now - 1) }))).toBe(false);
    expect(await isLive(`arsia_job_${random()}`)).toBe(false);
  });

  test('job tokens until the job or its parent misses a heartbeat', async () => {
    const silent = { heartbeat_seconds: 60, heartbeat_at: new Date(now - 61_000) };
    const parent = id('job');
    await startJob({ id: parent, ...silent });
    expect(await isLive(await startJob({ ...silent, heartbeat_at: new Date(now - 59_000) }))).toBe(true);
    expect(await isLive(await startJob(silent))).toBe(false);
    expect(await isLive(await startJob({ parent_id: parent, task_index: 1 }))).toBe(false);
  });

  test('access tokens, refresh tokens and codes until they are used or expire', async () => {
    const live = [
      await save('AccessToken', `arsia_at_${random()}`),
      await save('ClientCredentials', `arsia_at_${random()}`),
      await save('RefreshToken', `arsia_rt_${random()}`),
      await save('AuthorizationCode', random()),
      await save('DeviceCode', random()),
    ];
    expect(await Promise.all(live.map((text) => isLive(text)))).toEqual(live.map(() => true));
    const used = await save('RefreshToken', `arsia_rt_${random()}`);
    await createArtifactStore({ database, sealer }).consume('RefreshToken', used, now);
    const gone = [
      used,
      await save('AccessToken', `arsia_at_${random()}`, now - 1),
      // Kinds that nobody presents as a proof.
      await save('Session', random()),
      await save('Grant', random()),
    ];
    expect(await Promise.all(gone.map((text) => isLive(text)))).toEqual(gone.map(() => false));
  });

  test('client secrets, and clients that authenticate by keys', async () => {
    expect(await isLive(await makeSecret(now + minute))).toBe(true);
    expect(await isLive(await makeSecret(now - minute))).toBe(false);
    expect(await isLive(acme.launcher, true)).toBe(true);
    expect(await isLive(id('service_account'), true)).toBe(false);
    // The account that an assertion names is no token.
    expect(isLive(acme.launcher)).toBeUndefined();
  });

  test('256 at once in one statement, and nothing without the form of a credential', async () => {
    const good = await startJob();
    const many = Array.from({ length: 255 }, () => `arsia_job_${random()}`);
    const answers = await Promise.all([...many, good].map((text) => isLive(text)));
    expect(answers).toEqual([...many.map(() => false), true]);
    expect(statements).toBe(1);
    for (const text of ['', 'x', `${good}x`, good.toUpperCase(), `${good} `, `eyJ${random()}.e30.x`])
      expect(isLive(text)).toBeUndefined();
    expect(statements).toBe(1);
  });

  test('nothing while 4,096 wait, but answers `unavailable`', async () => {
    const flood = Array.from({ length: 5_000 }, () => isLive(`arsia_job_${random()}`)!.catch(({ code }) => code));
    const answers = await Promise.all(flood);
    expect(answers.filter((answer) => answer === 'unavailable').length).toBe(5_000 - 4_096);
    expect(statements).toBe(16);
  });
});
