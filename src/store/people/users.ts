import { isId } from '../../core/ids.ts';
import type { Queries } from '../../database/connections.ts';
import { beginsWith, isAfterName, orderByName, type Page } from '../../database/page.ts';
import type { Changed, Row } from '../../entities/entity.ts';
import { users } from '../../entities/users.ts';

export interface User extends Row<typeof users> {}

/**
 * Finds a user of the organisation by id or login, who is not deleted. Null finds operators, who belong to no organisation.
 */
export async function findUser(db: Queries, organization_id: string | null, ref: string): Promise<User | undefined> {
  const user = await findUserOrDeleted(db, organization_id, ref);
  return user?.deleted_at === null ? user : undefined;
}

/** Finds a user of the organisation by id or login, deleted or not. */
export async function findUserOrDeleted(
  db: Queries,
  organization_id: string | null,
  ref: string,
): Promise<User | undefined> {
  const by = isId('user', ref) ? 'id' : 'login';
  const query = db.selectFrom('users').select(users.columns).where(by, '=', ref);
  return await (organization_id === null
    ? query.where('organization_id', 'is', null)
    : query.where('organization_id', '=', organization_id)
  ).executeTakeFirst();
}

/** Finds a user of any organisation. For ids from Arsia's own tokens, links or rows, never for one from a request. */
export async function findUserById(db: Queries, id: string): Promise<User | undefined> {
  return await db.selectFrom('users').select(users.columns).where('id', '=', id).executeTakeFirst();
}

/** Lists the operators with this login, of any organisation or none. */
export async function listOperators(db: Queries, login: string): Promise<User[]> {
  return await db
    .selectFrom('users')
    .select(users.columns)
    .where('login', '=', login)
    .where('is_operator', '=', true)
    .orderBy('id')
    .execute();
}

export async function insertUser(db: Queries, row: User): Promise<void> {
  await db.insertInto('users').values(row).execute();
}

export async function updateUser(db: Queries, id: string, change: Changed<typeof users>): Promise<User> {
  return await db
    .updateTable('users')
    .set((eb) => ({ ...change, version: eb('version', '+', 1) }))
    .where('id', '=', id)
    .returning(users.columns)
    .executeTakeFirstOrThrow();
}

/** Deactivates a user, and revokes the operator right. */
export async function deactivateUser(db: Queries, id: string): Promise<void> {
  await db
    .updateTable('users')
    .set((eb) => ({ is_active: false, is_operator: false, version: eb('version', '+', 1) }))
    .where('id', '=', id)
    .execute();
}

/**
 * Deletes a user, whose row stays for the audit and for the jobs that name it. With `merged_into`, another user has taken over
 * its roles and rights.
 */
export async function deleteUser(
  db: Queries,
  id: string,
  { deleted_at, merged_into }: { deleted_at: Date; merged_into: string | null },
): Promise<void> {
  await db
    .updateTable('users')
    .set((eb) => ({ is_active: false, deleted_at, merged_into, version: eb('version', '+', 1) }))
    .where('id', '=', id)
    .execute();
  // Of users that were merged into this one before: `merged_into` always names the one that has the rights now.
  if (merged_into !== null) await db.updateTable('users').set({ merged_into }).where('merged_into', '=', id).execute();
}

/** Deletes what a principal was given: memberships, use grants, and identities assigned to it alone. */
export async function deleteGivenTo(db: Queries, principal_id: string): Promise<void> {
  for (const table of ['memberships', 'use_grants', 'assignments'] as const)
    await db.deleteFrom(table).where('principal_id', '=', principal_id).execute();
}

/** Lists the ids of users of the organisation that were merged into a user. */
export async function listMergedUsers(db: Queries, organization_id: string | null, id: string): Promise<string[]> {
  if (organization_id === null) return [];
  const rows = await db
    .selectFrom('users')
    .select('id')
    .where('merged_into', '=', id)
    .where('organization_id', '=', organization_id)
    .orderBy('id')
    .execute();
  return rows.map((row) => row.id);
}

/** Filters of a list of users or service accounts. */
export interface PrincipalFilter {
  /** The beginning of the login or name. The list is then ordered by it. */
  q?: string | undefined;
  is_active?: boolean | undefined;
}

/** Lists users who are not deleted. With `only`, lists this user alone. */
export async function listUsers(
  db: Queries,
  organization_id: string,
  page: Page,
  only?: string,
  { q, is_active }: PrincipalFilter = {},
): Promise<User[]> {
  const query = db
    .selectFrom('users')
    .select(users.columns)
    .where('organization_id', '=', organization_id)
    .where('deleted_at', 'is', null)
    .$if(only !== undefined, (list) => list.where('id', '=', only!))
    .$if(is_active !== undefined, (list) => list.where('is_active', '=', is_active!))
    .limit(page.limit);
  return await (q === undefined
    ? query.where('id', '>', page.after ?? '').orderBy('id')
    : query
        .where(beginsWith('login', q))
        .where(isAfterName('login', 'id', page.after))
        .orderBy(orderByName('login'))
        .orderBy('id')
  ).execute();
}

export async function setOperator(db: Queries, id: string, is_operator: boolean): Promise<User> {
  return await db
    .updateTable('users')
    .set((eb) => ({ is_operator, version: eb('version', '+', 1) }))
    .where('id', '=', id)
    .returning(users.columns)
    .executeTakeFirstOrThrow();
}
