import type { Selectable } from 'kysely';
import type { Queries } from '../../database/connections.ts';
import type { Tables } from '../../database/tables.ts';

export async function insertAdminLink(db: Queries, row: Selectable<Tables['admin_links']>): Promise<void> {
  await db.insertInto('admin_links').values(row).execute();
}

/** Deletes the links of a user that were not opened yet. */
export async function deleteOpenLinks(db: Queries, user_id: string): Promise<void> {
  await db.deleteFrom('admin_links').where('user_id', '=', user_id).where('used_at', 'is', null).execute();
}

/** Returns whether a live link can make the user an operator. */
export async function hasOperatorLink(db: Queries, user_id: string, now: Date): Promise<boolean> {
  const link = await db
    .selectFrom('admin_links')
    .select('user_id')
    .where('user_id', '=', user_id)
    .where('makes_operator', '=', true)
    .where('used_at', 'is', null)
    .where('expires_at', '>', now)
    .executeTakeFirst();
  return link !== undefined;
}

/** Marks a live link as used and returns its user. Of concurrent calls exactly one gets it. */
export async function useAdminLink(
  db: Queries,
  token_hash: Uint8Array,
  now: Date,
): Promise<{ user_id: string; makes_operator: boolean } | undefined> {
  return await db
    .updateTable('admin_links')
    .set({ used_at: now })
    .where('token_hash', '=', token_hash)
    .where('used_at', 'is', null)
    .where('expires_at', '>', now)
    .returning(['user_id', 'makes_operator'])
    .executeTakeFirst();
}
