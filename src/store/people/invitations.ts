import type { Queries } from '../../database/connections.ts';
import type { Page } from '../../database/page.ts';
import type { Row } from '../../entities/entity.ts';
import { invitations } from '../../entities/invitations.ts';

export interface Invitation extends Row<typeof invitations> {}

export async function insertInvitation(db: Queries, row: Invitation): Promise<void> {
  await db.insertInto('invitations').values(row).execute();
}

export async function findInvitation(db: Queries, id: string): Promise<Invitation | undefined> {
  return await db.selectFrom('invitations').select(invitations.columns).where('id', '=', id).executeTakeFirst();
}

/** Finds the invitation of an address that was not accepted yet, expired or not. There is at most one. */
export async function findOpenInvitation(
  db: Queries,
  organization_id: string,
  email: string,
): Promise<Invitation | undefined> {
  return await db
    .selectFrom('invitations')
    .select(invitations.columns)
    .where('organization_id', '=', organization_id)
    .where('email', '=', email)
    .where('accepted_at', 'is', null)
    .executeTakeFirst();
}

/** Lists the live invitations of an address in all organisations, oldest first. */
export async function listLiveInvitations(db: Queries, email: string, now: Date): Promise<Invitation[]> {
  return await db
    .selectFrom('invitations')
    .select(invitations.columns)
    .where('email', '=', email)
    .where('accepted_at', 'is', null)
    .where('expires_at', '>', now)
    .orderBy('id')
    .execute();
}

/** Marks an invitation as accepted. Returns false where it was accepted already: of concurrent calls one returns true. */
export async function acceptInvitation(db: Queries, id: string, user_id: string, now: Date): Promise<boolean> {
  const row = await db
    .updateTable('invitations')
    .set({ accepted_at: now, user_id })
    .where('id', '=', id)
    .where('accepted_at', 'is', null)
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

export async function deleteInvitation(db: Queries, id: string): Promise<void> {
  await db.deleteFrom('invitations').where('id', '=', id).execute();
}

export async function listInvitations(db: Queries, organization_id: string, page: Page): Promise<Invitation[]> {
  return await db
    .selectFrom('invitations')
    .select(invitations.columns)
    .where('organization_id', '=', organization_id)
    .where('id', '>', page.after ?? '')
    .orderBy('id')
    .limit(page.limit)
    .execute();
}
