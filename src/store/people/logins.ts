import { sql } from 'kysely';
import type { Queries } from '../../database/connections.ts';

/** A user who has a login, or had it within the time in which nobody else may get it. */
export interface LoginHolder {
  user_id: string;
  /** Null for the login of a user who is not deleted. */
  deleted_at: Date | null;
  merged_into: string | null;
  /** The end of the reservation of a former login; null for the login that the row of the user has. */
  expires_at: Date | null;
}

/** Finds the user who has the login, deleted or not. Without one, finds the user who had the login before a rename. */
export async function findLoginHolder(
  db: Queries,
  organization_id: string | null,
  login: string,
): Promise<LoginHolder | undefined> {
  const current = db
    .selectFrom('users')
    .select(['id as user_id', 'deleted_at', 'merged_into', sql<null>`null`.as('expires_at')])
    .where('login', '=', login);
  const holder = await (organization_id === null
    ? current.where('organization_id', 'is', null)
    : current.where('organization_id', '=', organization_id)
  ).executeTakeFirst();
  if (holder !== undefined || organization_id === null) return holder;
  return await db
    .selectFrom('former_logins')
    .innerJoin('users', 'users.id', 'former_logins.user_id')
    .select(['user_id', 'deleted_at', 'merged_into', 'expires_at'])
    .where('former_logins.organization_id', '=', organization_id)
    .where('former_logins.login', '=', login)
    .executeTakeFirst();
}

/** Reserves the login of a user who gets another one. */
export async function reserveLogin(
  db: Queries,
  row: { organization_id: string; login: string; user_id: string; expires_at: Date },
): Promise<void> {
  await db.insertInto('former_logins').values(row).execute();
}

export async function freeFormerLogin(db: Queries, organization_id: string, login: string): Promise<void> {
  await db
    .deleteFrom('former_logins')
    .where('organization_id', '=', organization_id)
    .where('login', '=', login)
    .execute();
}

/** Gives a deleted user the login `deleted.<part of the id>`, so that another user can get theirs. */
export async function freeLoginOfDeleted(db: Queries, user_id: string): Promise<void> {
  await db
    .updateTable('users')
    .set({ login: `deleted.${user_id.slice(user_id.indexOf('_') + 1)}` })
    .where('id', '=', user_id)
    .where('deleted_at', 'is not', null)
    .execute();
}
