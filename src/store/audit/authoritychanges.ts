import { sql } from 'kysely';
import type { Queries } from '../../database/connections.ts';

/**
 * Deletes all changes of an organisation but the newest, the only one that is read. Also deletes changes with a transaction
 * id in the future: they are from before a restore of the database, and would make kept facts look outdated for a long time.
 * Returns the number of rows.
 */
export async function sweepAuthorityChanges(db: Queries): Promise<number> {
  const next = sql`pg_snapshot_xmax(pg_current_snapshot())::text::bigint`;
  const gone = await sql`
    DELETE FROM authority_changes AS old
    WHERE old.transaction_id >= ${next} OR EXISTS (
      SELECT FROM authority_changes AS newer
      WHERE newer.organization_id = old.organization_id AND newer.transaction_id > old.transaction_id
        AND newer.transaction_id < ${next})`.execute(db);
  return Number(gone.numAffectedRows ?? 0n);
}
