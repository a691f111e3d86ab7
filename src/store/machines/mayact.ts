import type { Queries } from '../../database/connections.ts';
import type { Page } from '../../database/page.ts';
import type { Row } from '../../entities/entity.ts';
import { mayAct } from '../../entities/mayact.ts';

export interface MayActRow extends Row<typeof mayAct> {}

export async function insertMayAct(db: Queries, row: MayActRow): Promise<void> {
  await db.insertInto('may_act').values(row).execute();
}

function selectMayAct(db: Queries, service_account_id: string) {
  return db.selectFrom('may_act').select(mayAct.columns).where('service_account_id', '=', service_account_id);
}

export async function listMayAct(db: Queries, service_account_id: string, page: Page): Promise<MayActRow[]> {
  return await selectMayAct(db, service_account_id)
    .where('id', '>', page.after ?? '')
    .orderBy('id')
    .limit(page.limit)
    .execute();
}

export async function findMayAct(db: Queries, service_account_id: string, id: string): Promise<MayActRow | undefined> {
  return await selectMayAct(db, service_account_id).where('id', '=', id).executeTakeFirst();
}

/** Lists the rights to act that an account has along a lineage. */
export async function listMayActAlong(
  db: Queries,
  service_account_id: string,
  lineage: string[],
): Promise<MayActRow[]> {
  return await selectMayAct(db, service_account_id).where('namespace_id', 'in', lineage).execute();
}

export async function updateMayAct(
  db: Queries,
  id: string,
  change: Pick<MayActRow, 'users' | 'stages' | 'labels'>,
): Promise<MayActRow> {
  return await db
    .updateTable('may_act')
    .set((eb) => ({ ...change, version: eb('version', '+', 1) }))
    .where('id', '=', id)
    .returning(mayAct.columns)
    .executeTakeFirstOrThrow();
}

export async function deleteMayAct(db: Queries, id: string): Promise<void> {
  await db.deleteFrom('may_act').where('id', '=', id).execute();
}
