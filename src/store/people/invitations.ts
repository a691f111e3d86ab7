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

/** The invitation of an address that nobody has accepted yet, expired or not: there is at most one. */
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

/** The live invitations of an address, in any organisation, the oldest first. */
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

/** Marks an invitation as accepted. Returns false where it is accepted already: of concurrent calls one gets true. */
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
