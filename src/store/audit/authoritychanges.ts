import { sql } from 'kysely';
import type { Queries } from '../../database/connections.ts';

/**
 * Of each organisation the newest change is looked at, and no other. What lies in the future was noted by another server,
 * before this database was restored from it: nothing would look unchanged for a long time.
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
