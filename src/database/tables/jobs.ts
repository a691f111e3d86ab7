import type { Generated } from 'kysely';
import type { Json } from './json.ts';

export interface JobsTable {
  id: string;
  organization_id: string;
  workspace_id: string;
  user_id: string | null;
  launcher_id: string | null;
  started_by: string;
  stage: string;
  labels: Json<Record<string, string>>;
  reference: string | null;
  token_hash: Uint8Array;
  deadline: Date;
  ended_at: Date | null;
  created_at: Date;
  version: Generated<number>;
  /** The job whose array task this is. */
  parent_id: string | null;
  task_index: number | null;
  /** A job that misses its heartbeat this long is ended; null for one without. */
  heartbeat_seconds: number | null;
  heartbeat_at: Date | null;
}
