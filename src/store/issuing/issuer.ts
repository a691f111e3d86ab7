import { sql } from 'kysely';
import type { Queries } from '../../database/connections.ts';

const name = 'issuer';

/** Returns the issuer of the installation; undefined before its first start. */
export async function findIssuer(db: Queries): Promise<string | undefined> {
  const row = await db.selectFrom('installation_facts').select('value').where('name', '=', name).executeTakeFirst();
  return row?.value;
}

/** Stores the issuer of a new installation. Does nothing where another start has stored one. */
export async function insertIssuer(db: Queries, issuer: string): Promise<void> {
  await db
    .insertInto('installation_facts')
    .values({ name, value: issuer })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute();
}

/** Returns whether the issuer was `from` and is `to` now. */
export async function replaceIssuer(db: Queries, from: string, to: string): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('installation_facts')
    .set({ value: to })
    .where('name', '=', name)
    .where('value', '=', from)
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

/** Returns the number of managed identities of all organisations. */
export async function countIdentities(db: Queries): Promise<number> {
  const { count } = await db
    .selectFrom('managed_identities')
    .select(sql<number>`count(*)::integer`.as('count'))
    .executeTakeFirstOrThrow();
  return count;
}
