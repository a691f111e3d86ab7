import type { Selectable } from 'kysely';
import { columnsOf } from '../../database/columns.ts';
import type { Queries } from '../../database/connections.ts';
import { beginsWith, isAfterName, isBelow, orderByName, type Page } from '../../database/page.ts';
import type { Tables } from '../../database/tables.ts';
import type { Changed, Row } from '../../entities/entity.ts';
import { serviceAccounts } from '../../entities/serviceaccounts.ts';
import type { PrincipalFilter } from '../people/users.ts';

export interface ServiceAccount extends Row<typeof serviceAccounts> {}

const accountColumns = columnsOf(serviceAccounts, 'service_accounts');

/** Finds a service account that was not deleted. */
export async function findServiceAccount(db: Queries, id: string): Promise<ServiceAccount | undefined> {
  return await db
    .selectFrom('service_accounts')
    .select(accountColumns)
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
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
    .where('service_accounts.deleted_at', 'is', null)
    .executeTakeFirst();
}

export async function insertServiceAccount(db: Queries, row: ServiceAccount): Promise<void> {
  await db.insertInto('service_accounts').values(row).execute();
}

export async function updateServiceAccount(
  db: Queries,
  id: string,
  change: Changed<typeof serviceAccounts>,
): Promise<ServiceAccount> {
  return await db
    .updateTable('service_accounts')
    .set((eb) => ({ ...change, version: eb('version', '+', 1) }))
    .where('id', '=', id)
    .returning(accountColumns)
    .executeTakeFirstOrThrow();
}

/** Lists the service accounts of the groups at and below any of `roots`. */
export async function listServiceAccounts(
  db: Queries,
  filter: { organization_id: string; roots: string[] } & PrincipalFilter,
  page: Page,
): Promise<ServiceAccount[]> {
  const { q, is_active } = filter;
  const query = db
    .selectFrom('service_accounts')
    .innerJoin('namespaces as g', 'g.id', 'service_accounts.group_id')
    .select(accountColumns)
    .where('service_accounts.organization_id', '=', filter.organization_id)
    .where('service_accounts.deleted_at', 'is', null)
    .where(isBelow('g.lineage', filter.roots))
    .$if(is_active !== undefined, (list) => list.where('service_accounts.is_active', '=', is_active!))
    .limit(page.limit);
  const name = 'service_accounts.name';
  return await (q === undefined
    ? query.where('service_accounts.id', '>', page.after ?? '').orderBy('service_accounts.id')
    : query
        .where(beginsWith(name, q))
        .where(isAfterName(name, 'service_accounts.id', page.after))
        .orderBy(orderByName(name))
        .orderBy('service_accounts.id')
  ).execute();
}

export async function insertSecret(db: Queries, row: Selectable<Tables['service_account_secrets']>): Promise<void> {
  await db.insertInto('service_account_secrets').values(row).execute();
}

export type SecretRow = Omit<Selectable<Tables['service_account_secrets']>, 'secret_hash'>;

/** Lists the secrets of an account without their hashes, expired ones too. */
export async function listSecrets(db: Queries, service_account_id: string, page: Page): Promise<SecretRow[]> {
  return await db
    .selectFrom('service_account_secrets')
    .select(['id', 'service_account_id', 'expires_at', 'created_at'])
    .where('service_account_id', '=', service_account_id)
    .where('id', '>', page.after ?? '')
    .orderBy('id')
    .limit(page.limit)
    .execute();
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

/** Lists the hashes of the secrets that have not expired, for client authentication. */
export async function listLiveSecretHashes(db: Queries, service_account_id: string, now: Date): Promise<Uint8Array[]> {
  const rows = await db
    .selectFrom('service_account_secrets')
    .select('secret_hash')
    .where('service_account_id', '=', service_account_id)
    .where('expires_at', '>', now)
    .execute();
  return rows.map((row) => row.secret_hash);
}
