/**
 * The conditions of a decision on kept facts. The statement that records the decision checks them, and writes the record only
 * where all of them hold (docs/decisions/0011).
 */
export interface Premise {
  /** The version of the job's row: PostgreSQL's `xmin`, which every change of the row replaces. */
  job_row: string;
  /** The oldest transaction that was running when the facts were read. The facts include all earlier changes. */
  oldest_transaction: number;
  /** The key set that signs the token. */
  key_set: string;
  key_set_version: number;
}

/** Column and type of each member, in addition to the columns of an event. */
export const premiseColumns = {
  job_row: 'xid',
  oldest_transaction: 'bigint',
  key_set: 'text',
  key_set_version: 'bigint',
} as const satisfies Record<keyof Premise, string>;

export const premiseNames = Object.keys(premiseColumns) as (keyof Premise)[];

/**
 * SQL condition: the event has no premise, or its premise holds. Each check is a scalar subquery on an index: PostgreSQL may
 * turn EXISTS into a hash of the whole table, and keeps that plan when the table grows. An `oldest_transaction` above the
 * database's own was read before the database was restored to an earlier state.
 */
export const premiseHolds = `(event.job_row IS NULL
  OR (SELECT xmin FROM jobs WHERE id = event.job_id) = event.job_row
  AND (SELECT true FROM authority_changes
    WHERE organization_id = event.organization_id AND transaction_id >= event.oldest_transaction LIMIT 1) IS NULL
  AND event.oldest_transaction <= (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint)
  AND (SELECT version FROM key_sets WHERE name = event.key_set) = event.key_set_version)`;
