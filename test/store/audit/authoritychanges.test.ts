import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import type { Database, Queries } from '../../../src/database/connections.ts';
import { sweepAuthorityChanges } from '../../../src/store/audit/authoritychanges.ts';
import { type AuditStore, createAuditStore, isReceipt } from '../../../src/store/audit/events.ts';
import { createMintFactsReader, type MintFactsReader } from '../../../src/store/issuing/mintfacts.ts';
import type { Premise } from '../../../src/store/issuing/premise.ts';
import { databaseKinds, freshDatabase } from '../../support/databases.ts';
import { auditKeys, event } from '../events.ts';
import { assign, id, insertIdentity, insertOrganization, insertTeam, now, type Organization } from '../organization.ts';

/** As if it was read so many transactions later. */
function shifted<Row>(row: Row, by: number): Row {
  const told = row as { rows?: Record<string, number>[]; oldest_transaction?: number };
  for (const one of [told, ...(told.rows ?? [])])
    if (one.oldest_transaction !== undefined) one.oldest_transaction += by;
  return row;
}

describe.each(databaseKinds)('kept facts of a mint: %s', (kind) => {
  let database: Database;
  let statements: { name: string; text: string; values: readonly unknown[] }[];
  /** What the next answers say of the moment they were read in. */
  let shift: number;
  let reader: MintFactsReader;
  let audit: AuditStore;
  let acme: Organization;
  let identity: string;

  beforeAll(async () => {
    ({ database } = await freshDatabase(kind));
    audit = createAuditStore(database, auditKeys);
  }, 90_000);

  beforeEach(async () => {
    statements = [];
    shift = 0;
    const watched: Database = {
      ...database,
      async statement<Row>(name: string, text: string, values: readonly unknown[]) {
        statements.push({ name, text, values });
        const rows = await database.statement<Row>(name, text, values);
        return rows.map((row) => shifted(row, shift));
      },
    };
    reader = createMintFactsReader(watched, { keySet: 'workload' });
    acme = await insertOrganization(database);
    identity = await insertIdentity(database, acme, acme.lab, 'sim');
    await assign(database, acme, identity);
    await member(database.query);
  });

  const member = (db: Queries) =>
    db
      .insertInto('memberships')
      .values({
        id: id('membership'),
        namespace_id: acme.lab,
        principal_id: acme.user,
        role: 'deployer',
        organization_id: acme.root,
        created_at: new Date(now),
      })
      .execute();
  /** Keeps what was read, as a granted mint does. */
  const read = async (named: string = identity, of = acme) => {
    const found = await reader.read({ token_hash: of.token_hash, identity: named });
    found?.keep();
    return found?.facts;
  };
  /** Whether a record on the premise of what is kept for the job is written; undefined where nothing is kept. */
  async function isRecorded(
    change: (premise: Premise) => Premise = (premise) => premise,
  ): Promise<boolean | undefined> {
    const kept = reader.kept({ token_hash: acme.token_hash, identity });
    if (kept === undefined) return undefined;
    const mint = event({ organization_id: acme.root, job_id: acme.job });
    const receipt = await audit.recordIf(mint, change(kept.premise));
    expect(isReceipt(receipt)).toBe(receipt !== undefined);
    const found = await audit.find(acme.root, mint.id);
    expect(found !== undefined).toBe(receipt !== undefined);
    return receipt !== undefined;
  }

  /** Reads, and says whether all facts were read for it. */
  async function isReadAnew(named?: string, of?: Organization): Promise<boolean> {
    const before = statements.length;
    await read(named, of);
    return statements.slice(before).some(({ name }) => name === 'mint-facts');
  }

  /**
   * Reads until the facts are kept: a transaction that is open meanwhile, in any database of the server, makes changes look
   * unsettled, and other tests have some.
   */
  async function settled(named?: string, of?: Organization): Promise<void> {
    const end = performance.now() + 20_000;
    while ((await isReadAnew(named, of)) || (named === undefined && (await isRecorded()) === false)) {
      if (performance.now() > end) throw new Error('nothing is kept');
      await sleep(5);
    }
  }

  test('are read once, while the job is looked at with every request', async () => {
    await settled();
    const first = await read();
    expect(await read()).toEqual(first);
    await database.query
      .updateTable('jobs')
      .set({ ended_at: new Date(now) })
      .where('id', '=', acme.job)
      .execute();
    expect(await isReadAnew()).toBe(false);
    expect(await read()).toEqual({ ...first, job: { ...first!.job, is_ended: true } });
    await database.query.deleteFrom('jobs').where('id', '=', acme.job).execute();
    expect(await read()).toBeUndefined();
  });

  test('are read again after every change of any of their tables', async () => {
    const team = await insertTeam(database, acme);
    const { query } = database;
    const at = new Date(now);
    const row = { organization_id: acme.root, created_at: at };
    const changes: Record<string, [insert: (() => Promise<unknown>) | null, where: string]> = {
      namespaces: [null, `id = '${acme.lab}'`],
      users: [null, `id = '${acme.user}'`],
      service_accounts: [null, `id = '${acme.launcher}'`],
      memberships: [null, `principal_id = '${acme.user}'`],
      team_members: [null, `team_id = '${team}'`],
      may_act: [
        () =>
          query
            .insertInto('may_act')
            .values({
              ...row,
              id: id('may_act'),
              service_account_id: acme.launcher,
              namespace_id: acme.lab,
              users: ['*'],
              stages: ['*'],
              labels: {},
            })
            .execute(),
        `service_account_id = '${acme.launcher}'`,
      ],
      managed_identities: [() => insertIdentity(database, acme, acme.lab, 'new'), `name = 'new'`],
      identity_aliases: [
        () =>
          query
            .insertInto('identity_aliases')
            .values({ ...row, id: id('alias'), identity_id: identity, group_id: acme.other, name: 'sim' })
            .execute(),
        `identity_id = '${identity}'`,
      ],
      identity_masks: [
        () =>
          query
            .insertInto('identity_masks')
            .values({ ...row, namespace_id: acme.workspace, identity_id: identity })
            .execute(),
        `identity_id = '${identity}'`,
      ],
      access_rules: [
        () =>
          query
            .insertInto('access_rules')
            .values({ ...row, id: id('access_rule'), identity_id: identity, kind: 'stage', values: ['x'] })
            .execute(),
        `identity_id = '${identity}'`,
      ],
      subject_grants: [
        () =>
          query
            .insertInto('subject_grants')
            .values({
              ...row,
              id: id('subject_grant'),
              identity_id: identity,
              launcher_id: acme.launcher,
              namespace_id: acme.other,
            })
            .execute(),
        `identity_id = '${identity}'`,
      ],
      assignments: [null, `workspace_id = '${acme.workspace}'`],
      organization_settings: [
        () => query.insertInto('organization_settings').values({ organization_id: acme.root }).execute(),
        `organization_id = '${acme.root}'`,
      ],
    };
    // No table is forgotten: those of the statement are these, the job itself, and the keys.
    await settled();
    const { text } = statements.find(({ name }) => name === 'mint-facts')!;
    const tables = new Set([...text.matchAll(/\b(?:FROM|JOIN)\s+([a-z_]+)\b(?!\s*[(.])/g)].map(([, table]) => table));
    expect([...tables].sort()).toEqual([...Object.keys(changes), 'jobs', 'key_sets'].sort());

    const faults: string[] = [];
    const expectAnew = async (change: string) => {
      if (await isRecorded()) faults.push(`${change}: a record on what was before`);
      if (!(await isReadAnew())) faults.push(change);
      await settled();
    };
    const columns: Record<string, string> = { namespaces: 'path', users: 'login', team_members: 'source' };
    for (const [table, [insert, where]] of Object.entries(changes)) {
      if (insert !== null) {
        await insert();
        await expectAnew(`insert ${table}`);
      }
      const column = columns[table] ?? 'organization_id';
      await sql.raw(`UPDATE ${table} SET ${column} = ${column} WHERE ${where}`).execute(query);
      await expectAnew(`update ${table}`);
      if (['namespaces', 'users', 'service_accounts', 'assignments', 'memberships'].includes(table)) continue;
      await sql.raw(`DELETE FROM ${table} WHERE ${where}`).execute(query);
      await expectAnew(`delete ${table}`);
    }
    await sql.raw(`DELETE FROM memberships WHERE principal_id = '${acme.user}'`).execute(query);
    await expectAnew('delete memberships');
    expect((await read())!.user!.memberships).toEqual([]);
    expect(faults).toEqual([]);
  }, 60_000);

  test('allow a record only while the job and the keys are unchanged', async () => {
    expect(await isRecorded()).toBeUndefined();
    await settled();
    expect(await isRecorded()).toBe(true);
    const later = ({ key_set_version, ...premise }: Premise) => ({ ...premise, key_set_version: key_set_version + 1 });
    expect(await isRecorded(later)).toBe(false);
    // Read in a future that this database, set back meanwhile, does not know yet.
    const ahead = (premise: Premise) => ({ ...premise, oldest_transaction: premise.oldest_transaction + 1_000_000 });
    expect(await isRecorded(ahead)).toBe(false);
    expect(await isRecorded()).toBe(true);
    await database.query.updateTable('jobs').set({ stage: 'x' }).where('id', '=', acme.job).execute();
    expect(await isRecorded()).toBe(false);
    expect((await read())!.job.stage).toBe('x');
    expect(await isRecorded()).toBe(true);
    await database.query.deleteFrom('jobs').where('id', '=', acme.job).execute();
    expect(await isRecorded()).toBe(false);
  });

  test('rest on the version of the key set that their premise names, and of no other', async () => {
    await settled();
    const bump = (version: number) =>
      database.query.updateTable('key_sets').set({ version }).where('name', '=', 'authorization').execute();
    const byAuthorization = (premise: Premise) => ({ ...premise, key_set: 'authorization', key_set_version: 3 });
    expect(await isRecorded(byAuthorization)).toBe(false);
    await bump(3);
    expect(await isRecorded(byAuthorization)).toBe(true);
    expect(await isRecorded()).toBe(true);
    await bump(0);
  });

  test('are checked for each of several concurrent records', async () => {
    await settled();
    const { premise } = reader.kept({ token_hash: acme.token_hash, identity })!;
    const mint = () => event({ organization_id: acme.root, job_id: acme.job });
    const [first, plain, stale, last] = [mint(), event(), mint(), mint()];
    const receipts = await Promise.all([
      audit.recordIf(first, premise),
      audit.record(plain),
      audit.recordIf(stale, { ...premise, job_row: '1' }),
      audit.recordIf(last, premise),
    ]);
    expect(receipts.map((receipt) => receipt?.event_id)).toEqual([first.id, plain.id, undefined, last.id]);
    expect(await audit.find(acme.root, stale.id)).toBeUndefined();
  });

  test('lose the roles of a deleted team', async () => {
    await read();
    const team = await insertTeam(database, acme);
    expect((await read())!.user!.team_ids).toEqual([team]);
    await database.query.deleteFrom('teams').where('id', '=', team).execute();
    expect((await read())!.user!.team_ids).toEqual([]);
  });

  test('stay valid when another organisation changes', async () => {
    const globex = await insertOrganization(database);
    await settled();
    await insertIdentity(database, globex, globex.lab, 'sim');
    expect(await isReadAnew()).toBe(false);
  });

  test('end with a change that was under way while they were read', async () => {
    if (kind === 'embedded') return;
    const [begun, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const changed = database.transaction(async (tx) => {
      await tx.deleteFrom('memberships').where('principal_id', '=', acme.user).execute();
      begun.resolve();
      await go.promise;
    });
    await begun.promise;
    // A later transaction is over before: the one under way is older than what was committed last.
    await database.query.updateTable('users').set({ is_active: true }).where('id', '=', acme.user).execute();
    for (let count = 0; count < 3; count++) expect((await read())!.user!.memberships).toHaveLength(1);
    go.resolve();
    await changed;
    expect(await isRecorded()).not.toBe(true);
    expect((await read())!.user!.memberships).toEqual([]);
  });

  test('refuse a record after a change that was under way when they were kept', async () => {
    if (kind === 'embedded') return;
    await settled();
    const [begun, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const changed = database.transaction(async (tx) => {
      await tx.deleteFrom('memberships').where('principal_id', '=', acme.user).execute();
      begun.resolve();
      await go.promise;
    });
    await begun.promise;
    reader = createMintFactsReader(database, { keySet: 'workload' });
    await read();
    expect(await isRecorded()).toBe(true);
    go.resolve();
    await changed;
    expect(await isRecorded()).toBe(false);
  });

  test('are not kept for a job while changes are unsettled', async () => {
    if (kind === 'embedded') return;
    await settled();
    const [begun, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const holding = database.transaction(async (tx) => {
      await sql`SELECT pg_current_xact_id()`.execute(tx);
      begun.resolve();
      await go.promise;
    });
    await begun.promise;
    await database.query.updateTable('users').set({ is_active: true }).where('id', '=', acme.user).execute();
    expect(await isRecorded()).toBe(false);
    await read();
    expect(await isRecorded()).toBeUndefined();
    go.resolve();
    await holding;
    await settled();
    expect(await isRecorded()).toBe(true);
  });

  test('never include that something does not exist', async () => {
    expect((await read(`${acme.name}/lab/late`))!.identity).toBeNull();
    const late = await insertIdentity(database, acme, acme.lab, 'late');
    expect((await read(`${acme.name}/lab/late`))!.identity!.id).toBe(late);
  });

  test('are kept by user, identity and workspace', async () => {
    const other = await insertIdentity(database, acme, acme.lab, 'other');
    const globex = await insertOrganization(database);
    await insertIdentity(database, globex, globex.lab, 'sim');
    await read();
    expect((await read(other))!.identity!.id).toBe(other);
    expect((await read(identity))!.identity!.id).toBe(identity);
    expect((await read(identity, globex))!.workspace.id).toBe(globex.workspace);
  });

  test('end when the database is restored to an earlier state', async () => {
    shift = 1_000_000;
    await read();
    expect(await isReadAnew()).toBe(false);
    shift = 0;
    expect(await isReadAnew()).toBe(true);
  });

  test('need only the newest change of each organisation', async () => {
    await insertIdentity(database, acme, acme.lab, 'one');
    await insertIdentity(database, acme, acme.lab, 'two');
    await read();
    await sql`INSERT INTO authority_changes VALUES (${acme.root}, ${2 ** 50})`.execute(database.query);
    expect(await isReadAnew()).toBe(true);
    expect(await isReadAnew()).toBe(true);
    expect(await sweepAuthorityChanges(database.query)).toBeGreaterThan(1);
    const { rows } = await sql`SELECT FROM authority_changes WHERE organization_id = ${acme.root}`.execute(
      database.query,
    );
    expect(rows).toHaveLength(1);
    await settled();
    await database.query.deleteFrom('memberships').where('principal_id', '=', acme.user).execute();
    expect((await read())!.user!.memberships).toEqual([]);
  });
});
