import type { Queries } from '../../database/connections.ts';
import type { Page } from '../../database/page.ts';
import type { Row } from '../../entities/entity.ts';
import { masks } from '../../entities/masks.ts';

export interface Mask extends Row<typeof masks> {}

export async function insertMask(db: Queries, row: Mask): Promise<void> {
  await db
    .insertInto('identity_masks')
    .values(row)
    .onConflict((conflict) => conflict.columns(['identity_id', 'namespace_id']).doNothing())
    .execute();
}

export async function deleteMask(db: Queries, namespace_id: string, identity_id: string): Promise<boolean> {
  const gone = await db
    .deleteFrom('identity_masks')
    .where('namespace_id', '=', namespace_id)
    .where('identity_id', '=', identity_id)
    .executeTakeFirst();
  return gone.numDeletedRows > 0n;
}

/** Lists the masks of a namespace by the ids of the identities; `after` is one of these. */
export async function listMasksOf(db: Queries, namespace_id: string, page: Page): Promise<Mask[]> {
  return await db
    .selectFrom('identity_masks')
    .select(masks.columns)
    .where('namespace_id', '=', namespace_id)
    .where('identity_id', '>', page.after ?? '')
    .orderBy('identity_id')
    .limit(page.limit)
    .execute();
}

/** Lists the masks of an identity by the ids of the masking namespaces; `after` is one of these. */
export async function listMasks(db: Queries, identity_id: string, page: Page): Promise<Mask[]> {
  return await db
    .selectFrom('identity_masks')
    .select(masks.columns)
    .where('identity_id', '=', identity_id)
    .where('namespace_id', '>', page.after ?? '')
    .orderBy('namespace_id')
    .limit(page.limit)
    .execute();
}
