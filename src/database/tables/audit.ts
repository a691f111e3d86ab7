import type { ColumnType } from 'kysely';
import { type AuditEvent, eventFields } from '../../core/audit.ts';
import type { Json } from './json.ts';

/** An event's fields, of which these have other types in the database, and what the chain adds. */
export interface AuditEventsTable extends Omit<AuditEvent, 'at' | 'code' | 'detail'> {
  at: Date;
  code: string | null;
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
