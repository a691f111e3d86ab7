import type { Selectable } from 'kysely';
import { isId } from '../core/ids.ts';
import type { Queries } from './database.ts';
import { isBelow, type Page } from './namespaces.ts';
import type { Tables } from './tables.ts';

export type User = Selectable<Tables['users']>;
export type ServiceAccount = Selectable<Tables['service_accounts']>;
export type MayActRow = Selectable<Tables['may_act']>;

const userColumns = [
  'id',
  'organization_id',
  'login',
  'display_name',
  'is_operator',
  'is_active',
  'created_at',
  'version',
] as const;
const accountColumns = [
  'service_accounts.id',
  'service_accounts.organization_id',
  'service_accounts.group_id',
  'service_accounts.name',
  'service_accounts.description',
  'service_accounts.is_active',
  'service_accounts.jwks',
  'service_accounts.created_at',
  'service_accounts.version',
] as const;

/** Returns a user of the organisation by id or login; null finds the users of no organisation, who are operators. */
export async function findUser(db: Queries, organization_id: string | null, ref: string): Promise<User | undefined> {
  const by = isId('user', ref) ? 'id' : 'login';
  const query = db.selectFrom('users').select(userColumns).where(by, '=', ref);
  return await (organization_id === null
    ? query.where('organization_id', 'is', null)
    : query.where('organization_id', '=', organization_id)
  ).executeTakeFirst();
}

/** Returns a user of any organisation. For ids that a token, a link or a row of ours names, never for one from a request. */
export async function findUserById(db: Queries, id: string): Promise<User | undefined> {
  return await db.selectFrom('users').select(userColumns).where('id', '=', id).executeTakeFirst();
}

/** Returns the operators of this login: of no organisation, and of any. */
export async function listOperators(db: Queries, login: string): Promise<User[]> {
  return await db
    .selectFrom('users')
    .select(userColumns)
    .where('login', '=', login)
    .where('is_operator', '=', true)
    .orderBy('id')
    .execute();
}

export async function insertUser(db: Queries, row: User): Promise<void> {
  await db.insertInto('users').values(row).execute();
}

export async function updateUser(
  db: Queries,
  id: string,
  change: { display_name?: string | undefined; is_active?: boolean | undefined },
): Promise<User> {
  return await db
    .updateTable('users')
    .set((eb) => ({ ...change, version: eb('version', '+', 1) }))
    .where('id', '=', id)
    .returning(userColumns)
    .executeTakeFirstOrThrow();
}

/** Deactivates the user of a person who leaves, and takes the right of an operator away. */
export async function deactivateUser(db: Queries, id: string): Promise<void> {
  await db
    .updateTable('users')
    .set((eb) => ({ is_active: false, is_operator: false, version: eb('version', '+', 1) }))
    .where('id', '=', id)
    .execute();
}

/** `only`: the one user that is listed. */
export async function listUsers(db: Queries, organization_id: string, page: Page, only?: string): Promise<User[]> {
  return await db
    .selectFrom('users')
    .select(userColumns)
    .where('organization_id', '=', organization_id)
    .$if(only !== undefined, (query) => query.where('id', '=', only!))
    .where('id', '>', page.after ?? '')
    .orderBy('id')
    .limit(page.limit)
    .execute();
}

export async function findServiceAccount(db: Queries, id: string): Promise<ServiceAccount | undefined> {
  return await db.selectFrom('service_accounts').select(accountColumns).where('id', '=', id).executeTakeFirst();
}

export async function findServiceAccountByName(
  db: Queries,
  groupPath: string,
  name: string,
): Promise<ServiceAccount | undefined> {
  return await db
    .selectFrom('service_accounts')
    .innerJoin('namespaces', 'namespaces.id', 'service_accounts.group_id')
    .select(accountColumns)
    .where('namespaces.path', '=', groupPath)
    .where('service_accounts.name', '=', name)
    .executeTakeFirst();
}

export async function insertServiceAccount(db: Queries, row: ServiceAccount): Promise<void> {
  await db.insertInto('service_accounts').values(row).execute();
}

export async function updateServiceAccount(
  db: Queries,
  id: string,
  change: {
    description?: string | undefined;
    is_active?: boolean | undefined;
    jwks?: ServiceAccount['jwks'] | undefined;
  },
): Promise<ServiceAccount> {
  return await db
    .updateTable('service_accounts')
    .set((eb) => ({ ...change, version: eb('version', '+', 1) }))
    .where('id', '=', id)
    .returning(accountColumns)
    .executeTakeFirstOrThrow();
}

/** Those of the groups at and below any of `roots`. */
export async function listServiceAccounts(
  db: Queries,
  filter: { organization_id: string; roots: string[] },
  page: Page,
): Promise<ServiceAccount[]> {
  return await db
    .selectFrom('service_accounts')
    .innerJoin('namespaces as g', 'g.id', 'service_accounts.group_id')
    .select(accountColumns)
    .where('service_accounts.organization_id', '=', filter.organization_id)
    .where(isBelow('g.lineage', filter.roots))
    .where('service_accounts.id', '>', page.after ?? '')
    .orderBy('service_accounts.id')
    .limit(page.limit)
    .execute();
}

export async function insertSecret(db: Queries, row: Selectable<Tables['service_account_secrets']>): Promise<void> {
  await db.insertInto('service_account_secrets').values(row).execute();
}

export async function deleteSecret(db: Queries, service_account_id: string, id: string): Promise<boolean> {
  const gone = await db
    .deleteFrom('service_account_secrets')
    .where('id', '=', id)
    .where('service_account_id', '=', service_account_id)
    .executeTakeFirst();
  return gone.numDeletedRows > 0n;
}

export async function deleteSecrets(db: Queries, service_account_id: string): Promise<void> {
  await db.deleteFrom('service_account_secrets').where('service_account_id', '=', service_account_id).execute();
}

/** The hashes of the secrets that are alive, for client authentication. */
export async function liveSecretHashes(db: Queries, service_account_id: string, now: Date): Promise<Uint8Array[]> {
  const rows = await db
    .selectFrom('service_account_secrets')
    .select('secret_hash')
    .where('service_account_id', '=', service_account_id)
    .where('expires_at', '>', now)
    .execute();
  return rows.map((row) => row.secret_hash);
}

export async function insertMayAct(db: Queries, row: MayActRow): Promise<void> {
  await db.insertInto('may_act').values(row).execute();
}

function mayActOf(db: Queries, service_account_id: string) {
  return db
    .selectFrom('may_act')
    .select(['id', 'service_account_id', 'namespace_id', 'organization_id', 'users', 'stages', 'labels', 'created_at'])
    .where('service_account_id', '=', service_account_id);
}

export async function listMayAct(db: Queries, service_account_id: string, page: Page): Promise<MayActRow[]> {
  return await mayActOf(db, service_account_id)
    .where('id', '>', page.after ?? '')
    .orderBy('id')
    .limit(page.limit)
    .execute();
}

export async function findMayAct(db: Queries, service_account_id: string, id: string): Promise<MayActRow | undefined> {
  return await mayActOf(db, service_account_id).where('id', '=', id).executeTakeFirst();
}

/** The rights that an account has along a lineage, whatever it has elsewhere. */
export async function mayActAlong(db: Queries, service_account_id: string, lineage: string[]): Promise<MayActRow[]> {
  return await mayActOf(db, service_account_id).where('namespace_id', 'in', lineage).execute();
}

export async function deleteMayAct(db: Queries, id: string): Promise<void> {
  await db.deleteFrom('may_act').where('id', '=', id).execute();
}

export async function setOperator(db: Queries, id: string, is_operator: boolean): Promise<User> {
  return await db
    .updateTable('users')
    .set((eb) => ({ is_operator, version: eb('version', '+', 1) }))
    .where('id', '=', id)
    .returning(userColumns)
    .executeTakeFirstOrThrow();
}
