import type { ColumnType } from 'kysely';
import type { AuditOutcome } from '../../core/audit.ts';
import { eventFields } from '../../core/audit.ts';
import type { Json } from './json.ts';

export interface AuditEventsTable {
  id: string;
  at: Date;
  action: string;
  outcome: AuditOutcome;
  code: string | null;
  organization_id: string | null;
  actor_kind: string;
  actor_id: string | null;
  user_id: string | null;
  workspace_id: string | null;
  identity_id: string | null;
  job_id: string | null;
  target_id: string | null;
  jti: string | null;
  signing_input_sha256: string | null;
  request_id: string | null;
  parent_id: string | null;
  detail: Json;
  /** Given by the database, in the order of the inserts. */
  position: ColumnType<number, never, never>;
  mac: Uint8Array;
}

export interface AuditCheckpointsTable {
  number: number;
  signed: string;
  /** Ids with blanks between them. */
  event_ids: string;
}

export interface MigrationsTable {
  name: string;
  checksum: string;
  applied_at: Date;
}

/** What the application gives of a row; the position in the chain is the database's to give. */
export const auditColumns = [...eventFields, 'mac'];
