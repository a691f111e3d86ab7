import type { AuditEvent } from '../../core/audit.ts';
import type { IdKind } from '../../core/ids.ts';
import type { Origin } from '../../core/origin.ts';
import type { Permission } from '../../core/permissions.ts';
import type { Caller } from '../../core/principals.ts';
import type { QuotaName } from '../../core/quotas.ts';
import type { Queries } from '../../database/connections.ts';
import type { Admit } from './admit.ts';
import type { Load } from './shares.ts';

export interface Call {
  caller: Caller;
  origin: Origin;
  /** The versions that the request accepts (`If-Match`, RFC 9110 13.1.1); undefined: any. */
  if_match?: IfMatch | undefined;
}

export type IfMatch = 'any' | readonly number[];

/** The place of an action: the lineage (root first) on which its permission is decided. */
export interface Place {
  organization_id: string | null;
  lineage: string[];
  /**
   * The noun and the reference of the request, for messages: a place that the caller may not see gets the same message
   * as one that does not exist.
   */
  named?: { noun: string; ref: string };
  /** Facts for the detail of the audit record, on success and on refusal. No secrets. */
  recorded?: Record<string, unknown>;
  /** The columns of the audit record that name the things at this place. */
  audit?: Partial<Pick<AuditEvent, 'user_id' | 'workspace_id' | 'identity_id' | 'job_id' | 'target_id'>>;
}

export interface Context extends Call {
  db: Queries;
  /** Milliseconds since 1970, one value for the whole action. */
  now: number;
  newId(kind: IdKind): string;
  random(bytes: number): Uint8Array;
  /** Demands a permission beside the action's own. Throws what the pipeline would throw. */
  demand(permission: Permission, place: Place): Promise<void>;
  can(permission: Permission, place: Place): Promise<boolean>;
  /**
   * Must be called before rows are added that a quota counts. Throws `quota_exceeded`. The action declares the quota in
   * `adds`.
   */
  admit: Admit;
}

/**
 * One operation on the stored things. It declares its place and the permission that it needs. The pipeline authorises
 * and audits it, so that no action can forget either.
 */
export interface Action<Input, Found extends Place, Result> {
  /** `noun.verb`, as in the audit. */
  name: string;
  /**
   * `member`: every principal of the organisation; an operator without an organisation, where the place has none.
   * `operator`: the operators of the installation, and the server itself. `job`: the jobs that `opensToJob` admits. `anyone`: no authentication; the content of
   * the request proves the right.
   */
  needs: Permission | 'member' | 'operator' | 'job' | 'anyone';
  /** True: runs in one transaction with its audit record. False: leaves a record only where it is refused. */
  changes: boolean;
  /** The quotas that count what it adds: `run` calls `admit` for each of them. */
  adds?: readonly QuotaName[];
  /** Operators may perform it on every organisation, without a role there. */
  opensToOperator?: true;
  /** Finds what the action is about. Throws `not_found` (buildNotFoundError) where it does not exist. */
  find(context: Context, input: Input): Promise<Found>;
  /** The kind of load of this input. Default: `change` or `read`. */
  load?(input: Input): Load;
  /** Returns true where the token of this job may perform the action. Without it, no job may. */
  opensToJob?(found: Found, caller: Caller & { kind: 'job' }): boolean;
  /** The version that `If-Match` is compared with. Without it, no version matches. */
  version?(found: Found): number;
  run(context: Context, input: Input, found: Found): Promise<Result>;
  /**
   * Throws what `run` would throw for lack of a right beyond `needs`, and nothing else. A kept answer is repeated only
   * if this passes too.
   */
  authorise?(context: Context, input: Input, found: Found): Promise<void>;
  /** Facts for the audit record of a change: ids and the fields that changed. No secrets. */
  describe?(input: Input, found: Found, result: Result): Partial<AuditEvent>;
  /** Further records of a change, such as the ends of jobs. Their parent is the record of the change. */
  describeFurther?(input: Input, found: Found, result: Result): (Partial<AuditEvent> & Pick<AuditEvent, 'action'>)[];
}
