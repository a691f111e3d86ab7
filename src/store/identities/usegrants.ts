import { sql } from 'kysely';
import type { Queries } from '../../database/connections.ts';
import type { Page } from '../../database/page.ts';
import type { Row } from '../../entities/entity.ts';
import { useGrants } from '../../entities/usegrants.ts';
import { selectSelfAndTeams } from '../people/memberships.ts';

export interface UseGrant extends Row<typeof useGrants> {}

export async function insertGrant(db: Queries, row: UseGrant): Promise<void> {
  await db.insertInto('use_grants').values(row).execute();
}

function selectGrants(db: Queries, identity_id: string) {
  return db.selectFrom('use_grants').select(useGrants.columns).where('identity_id', '=', identity_id);
}

export async function listGrants(db: Queries, identity_id: string, page: Page): Promise<UseGrant[]> {
  return await selectGrants(db, identity_id)
    .where('id', '>', page.after ?? '')
    .orderBy('id')
    .limit(page.limit)
    .execute();
}

export async function findGrant(db: Queries, identity_id: string, principal_id: string): Promise<UseGrant | undefined> {
  return await selectGrants(db, identity_id).where('principal_id', '=', principal_id).executeTakeFirst();
}

export async function deleteGrant(db: Queries, identity_id: string, id: string): Promise<boolean> {
  const gone = await db
    .deleteFrom('use_grants')
    .where('id', '=', id)
    .where('identity_id', '=', identity_id)
    .executeTakeFirst();
  return gone.numDeletedRows > 0n;
}

/** Returns whether a grant lets this principal, or a team of it, use the identity. `*` is everyone below its group. */
export async function isGranted(db: Queries, identity_id: string, principal_id: string): Promise<boolean> {
  const row = await db
    .selectFrom('use_grants')
    .select('id')
    .where('identity_id', '=', identity_id)
    .where('principal_id', 'in', selectSelfAndTeams(db, principal_id).unionAll(db.selectNoFrom(sql.lit('*').as('id'))))
    .executeTakeFirst();
  return row !== undefined;
}
