import { type Selectable, sql } from 'kysely';
import type { Queries } from '../../database/connections.ts';
import type { Tables } from '../../database/tables.ts';

/**
 * The claim of an organisation on an audience that it chose freely. The claim holds while an identity of the organisation has
 * the audience. Then `freed_at` is set, and after the tombstone period any organisation may claim the audience.
 */
export type AudienceClaim = Selectable<Tables['audiences']>;

export async function findClaim(db: Queries, audience: string): Promise<AudienceClaim | undefined> {
  return await db
    .selectFrom('audiences')
    .select(['audience', 'organization_id', 'freed_at'])
    .where('audience', '=', audience)
    .executeTakeFirst();
}

/**
 * Claims an audience for the organisation: one that is unclaimed, that the organisation freed itself, or that was freed
 * before `lapsed`. Returns false where another organisation has it.
 */
export async function claimAudience(
  db: Queries,
  audience: string,
  organization_id: string,
  lapsed: Date,
): Promise<boolean> {
  await db
    .insertInto('audiences')
    .values({ audience, organization_id })
    .onConflict((conflict) =>
      conflict
        .column('audience')
        .doUpdateSet({ organization_id, freed_at: null })
        .where((eb) =>
          eb.or([eb('audiences.organization_id', '=', organization_id), eb('audiences.freed_at', '<=', lapsed)]),
        ),
    )
    .execute();
  return (await findClaim(db, audience))?.organization_id === organization_id;
}

/** Frees the audiences, of those given, that no identity has any longer. */
export async function freeUnusedAudiences(db: Queries, audiences: readonly string[], freed_at: Date): Promise<void> {
  if (audiences.length === 0) return;
  await db
    .updateTable('audiences')
    .set({ freed_at })
    .where('freed_at', 'is', null)
    .where(sql<boolean>`audience = ANY (${audiences}::text[])`)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(selectFrom('managed_identities as m').select('m.id').whereRef('m.audience', '=', 'audiences.audience')),
      ),
    )
    .execute();
}

/** Lists the audiences of the identities at and below a namespace. */
export async function listAudiencesBelow(db: Queries, namespace_id: string): Promise<string[]> {
  const { rows } = await sql<{ audience: string }>`
    SELECT DISTINCT m.audience FROM namespaces AS g JOIN managed_identities AS m ON m.group_id = g.id
    WHERE g.lineage @> ARRAY[${namespace_id}] AND m.audience IS NOT NULL`.execute(db);
  return rows.map(({ audience }) => audience);
}

/** Counts the audiences that an organisation freed after `lapsed`. */
export async function countFreed(db: Queries, organization_id: string, lapsed: Date): Promise<number> {
  const row = await db
    .selectFrom('audiences')
    .select((eb) => eb.fn.countAll().as('count'))
    .where('organization_id', '=', organization_id)
    .where('freed_at', '>', lapsed)
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

export async function countUses(db: Queries, audience: string): Promise<number> {
  const row = await db
    .selectFrom('managed_identities')
    .select((eb) => eb.fn.countAll().as('count'))
    .where('audience', '=', audience)
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

/** Reserves a freed audience for another organisation, which alone may claim it for a tombstone period from `freed_at` on. */
export async function reserveAudience(db: Queries, { audience, ...claim }: AudienceClaim): Promise<void> {
  await db.updateTable('audiences').set(claim).where('audience', '=', audience).execute();
}

export async function deleteClaim(db: Queries, audience: string): Promise<void> {
  await db.deleteFrom('audiences').where('audience', '=', audience).execute();
}

/** Deletes claims whose tombstone period is over. */
export async function sweepAudiences(db: Queries, lapsed: Date): Promise<void> {
  await db.deleteFrom('audiences').where('freed_at', '<=', lapsed).execute();
}
