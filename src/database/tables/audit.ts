import type { ColumnType } from 'kysely';
import { type AuditEvent, eventFields } from '../../core/audit.ts';
import type { Json } from './json.ts';

/** The fields of an event, with the types that the database has for some of them, and the columns of the chain. */
export interface AuditEventsTable extends Omit<AuditEvent, 'at' | 'code' | 'detail'> {
  at: Date;
  code: string | null;
  detail: Json;
  /** Assigned by the database in the order of the inserts. */
  position: ColumnType<number, never, never>;
  mac: Uint8Array;
}

export interface AuditCheckpointsTable {
  number: number;
  signed: string;
  /** Ids separated by spaces. */
  event_ids: string;
}

export interface MigrationsTable {
  name: string;
  checksum: string;
  applied_at: Date;
}

/** The columns that the application inserts. The database assigns `position`. */
export const auditColumns = [...eventFields, 'mac'];
