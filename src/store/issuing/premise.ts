/**
 * What a decision on kept facts rests on, as the database can tell in the statement that records it (docs/decisions/0011):
 * the record is written only where all of this still holds.
 */
export interface Premise {
  /** The version of the row of its job: PostgreSQL's `xmin`, which every change of the row replaces. */
  job_row: string;
  /** The oldest transaction that was under way when the facts were read: what had changed before stands in them. */
  oldest_transaction: number;
  /** The key set that signs what was decided. */
  key_set: string;
  key_set_version: number;
}

/** Column and type of each, beside those of an event. */
export const premiseColumns = {
  job_row: 'xid',
  oldest_transaction: 'bigint',
  key_set: 'text',
  key_set_version: 'bigint',
} as const satisfies Record<keyof Premise, string>;

export const premiseNames = Object.keys(premiseColumns) as (keyof Premise)[];

/**
 * True of an event without a premise, and of one whose premise holds. Each look is a scalar subquery on an index: PostgreSQL
 * may turn EXISTS into a hash of the whole table, and keeps that plan when the table has grown. An `oldest_transaction` beyond
 * our own was read before this database was set back to an earlier state.
 */
export const premiseHolds = `(event.job_row IS NULL
  OR (SELECT xmin FROM jobs WHERE id = event.job_id) = event.job_row
  AND (SELECT true FROM authority_changes
    WHERE organization_id = event.organization_id AND transaction_id >= event.oldest_transaction LIMIT 1) IS NULL
  AND event.oldest_transaction <= (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint)
  AND (SELECT version FROM key_sets WHERE name = event.key_set) = event.key_set_version)`;
