import { beforeAll, describe, expect, test } from '@jest/globals';
import type { SubjectGrant } from '../../../src/core/mintfacts.ts';
import { selectNamingRights } from '../../../src/core/subjectgrants.ts';
import type { Database } from '../../../src/database/connections.ts';
import { insertSubjectGrant, listNamingLaunchers } from '../../../src/store/identities/subjectgrants.ts';
import { createMintFactsReader } from '../../../src/store/issuing/mintfacts.ts';
import { databaseKinds, freshDatabase } from '../../support/databases.ts';
import { id, insertIdentity, insertOrganization, now, type Organization } from '../organization.ts';

describe.each(databaseKinds)('N71 launchers that could name a user: %s', (kind) => {
  let database: Database;
  let acme: Organization;
  let identity: string;
  const created_at = new Date(now);

  beforeAll(async () => {
    ({ database } = await freshDatabase(kind));
    acme = await insertOrganization(database);
    identity = await insertIdentity(database, acme, acme.other, 'sim');
    await database.query
      .updateTable('managed_identities')
      .set({ subject_scope: 'user' })
      .where('id', '=', identity)
      .execute();
  }, 90_000);

  async function account(name: string): Promise<string> {
    const row = { id: id('service_account'), organization_id: acme.root, group_id: acme.lab, name, created_at };
    await database.query.insertInto('service_accounts').values(row).execute();
    return row.id;
  }

  const right = (service_account_id: string, namespace_id: string, users: string[]) => ({
    id: id('may_act'),
    service_account_id,
    namespace_id,
    organization_id: acme.root,
    users,
    stages: ['*'],
    labels: {},
    created_at,
  });
  const grant = (launcher_id: string | null, namespace_id: string | null) =>
    insertSubjectGrant(database.query, {
      id: id('subject_grant'),
      identity_id: identity,
      organization_id: acme.root,
      launcher_id,
      namespace_id,
      created_at,
    });
  const lineages = () => ({
    [acme.root]: [acme.root],
    [acme.lab]: [acme.root, acme.lab],
    [acme.other]: [acme.root, acme.other],
    [acme.workspace]: [acme.root, acme.lab, acme.workspace],
  });

  test('are those of the pure function, whatever is granted', async () => {
    const accounts = [acme.launcher, await account('a'), await account('b'), await account('c')];
    const places = [acme.root, acme.lab, acme.other, acme.workspace];
    const rights = accounts.flatMap((one, n) =>
      places.map((place, m) => right(one, place, [['*'], [acme.user], [id('user')], [one]][(n + m) % 4]!)),
    );
    // Each account has rights at two of the four places.
    const given = rights.filter((_, index) => index % 2 === 0);
    await database.query.insertInto('may_act').values(given).execute();
    const grants: SubjectGrant[] = [];
    for (const [launcher_id, namespace_id] of [
      [null, null],
      [accounts[1]!, null],
      [accounts[2]!, acme.lab],
      [null, acme.workspace],
    ] as const) {
      if (launcher_id !== null || namespace_id !== null) {
        await grant(launcher_id, namespace_id);
        grants.push({ launcher_id, lineage: namespace_id === null ? null : lineages()[namespace_id]! });
      }
      const terms = { lineage: lineages()[acme.other]!, subject_grants: grants };
      for (const named of [undefined, [acme.user], [id('user')]]) {
        const expected = selectNamingRights(terms, given, named).filter(
          ({ users, service_account_id }) => named !== undefined || users[0] !== service_account_id,
        );
        const found = await listNamingLaunchers(database.query, { id: identity, lineage: terms.lineage }, named, 20);
        expect(found.launchers.map((one) => one.id).sort()).toEqual(
          [...new Set(expected.map((one) => one.service_account_id))].sort(),
        );
        expect(found.total).toBe(found.launchers.length);
      }
    }
    const { launchers, total } = await listNamingLaunchers(
      database.query,
      { id: identity, lineage: lineages()[acme.other]! },
      undefined,
      1,
    );
    expect([launchers.length, total > 1]).toEqual([1, true]);
  });

  test('are read by a mint from the group of the identity and from its grants, and from nowhere else', async () => {
    const globex = await insertOrganization(database);
    const own = await insertIdentity(database, globex, globex.other, 'own');
    const elsewhere = id('group');
    await database.query
      .insertInto('namespaces')
      .values({
        id: elsewhere,
        kind: 'group',
        parent_id: globex.root,
        organization_id: globex.root,
        name: 'elsewhere',
        path: `${globex.name}/elsewhere`,
        lineage: [globex.root, elsewhere],
        created_at,
      })
      .execute();
    for (const place of [globex.workspace, globex.other, elsewhere])
      await database.query
        .insertInto('may_act')
        .values({ ...right(globex.launcher, place, ['*']), organization_id: globex.root })
        .execute();
    const reader = createMintFactsReader(database, { keySet: 'workload' });
    const read = async (subject_scope: 'user' | 'workspace_user') => {
      await database.query.updateTable('managed_identities').set({ subject_scope }).where('id', '=', own).execute();
      const { facts } = (await reader.read({ token_hash: globex.token_hash, identity: own }))!;
      return {
        places: facts.launcher!.may_act.map((one) => one.namespace_id).sort(),
        grants: facts.identity!.subject_grants,
      };
    };
    expect(await read('workspace_user')).toEqual({ places: [globex.workspace], grants: [] });
    expect(await read('user')).toEqual({ places: [globex.workspace, globex.other].sort(), grants: [] });
    const row = { identity_id: own, organization_id: globex.root, created_at };
    for (const launcher_id of [globex.launcher, acme.launcher])
      await insertSubjectGrant(database.query, {
        ...row,
        id: id('subject_grant'),
        launcher_id,
        namespace_id: launcher_id === globex.launcher ? elsewhere : globex.lab,
      });
    expect(await read('user')).toEqual({
      places: [globex.workspace, globex.other, elsewhere].sort(),
      grants: [{ launcher_id: globex.launcher, lineage: [globex.root, elsewhere] }],
    });
  });
});
