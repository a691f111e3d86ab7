import type { AuditEvent } from '../../core/audit.ts';
import type { IdKind } from '../../core/ids.ts';
import type { Origin } from '../../core/origin.ts';
import type { Permission } from '../../core/permissions.ts';
import type { Caller } from '../../core/principals.ts';
import type { QuotaName } from '../../core/quotas.ts';
import type { Queries } from '../../database/connections.ts';
import type { Admit } from './admit.ts';
import type { Load } from './shares.ts';

/** Who calls, and from where. */
export interface Call {
  caller: Caller;
  origin: Origin;
  /** The versions that the caller takes the thing to be at (`If-Match`, RFC 9110 13.1.1); undefined: whatever it is. */
  if_match?: IfMatch | undefined;
}

export type IfMatch = 'any' | readonly number[];

/** Where an action happens: the lineage (root first) on which permission is decided. */
export interface Place {
  organization_id: string | null;
  lineage: string[];
  /** How the request named it: what may not be seen is refused in the same words as what does not exist. */
  named?: { noun: string; ref: string };
  /** Facts for the record's detail, of a success and of a refusal alike; no secrets. */
  recorded?: Record<string, unknown>;
  /** What the audit record names. */
  audit?: Partial<Pick<AuditEvent, 'user_id' | 'workspace_id' | 'identity_id' | 'job_id' | 'target_id'>>;
}

export interface Context extends Call {
  db: Queries;
  /** Milliseconds since 1970, one value for the whole action. */
  now: number;
  id(kind: IdKind): string;
  random(bytes: number): Uint8Array;
  /** A further permission beside the action's own: refuses like the pipeline does. */
  demand(permission: Permission, place: Place): Promise<void>;
  may(permission: Permission, place: Place): Promise<boolean>;
  /** Called before rows are added that a quota counts: refuses where it is reached. The action declares it in `adds`. */
  admit: Admit;
}

/**
 * One thing that can be done. It says where it happens and what permission that needs; it never sees authorisation or
 * audit, so it cannot forget either.
 */
export interface Action<Input, Found extends Place, Result> {
  /** `noun.verb`, as the audit has it. */
  name: string;
  /**
   * `member`: anyone of the organisation (an operator of no organisation, where the place has none). `operator`: the
   * installation's operators and the server itself. `anyone`: the request proves itself by its content.
   */
  needs: Permission | 'member' | 'operator' | 'anyone';
  /** Changes run in one transaction with their record; reads leave none unless they are refused. */
  changes: boolean;
  /** The quotas of what it adds: `run` takes room of each before it adds something. */
  adds?: readonly QuotaName[];
  /** Opens to operators too, whatever organisation it is about. */
  opensToOperator?: true;
  /** What the action is about; throws `not_found` through `missing` when there is no such thing. */
  find(context: Context, input: Input): Promise<Found>;
  /** The share that this input needs. Default: `change` or `read`. */
  load?(input: Input): Load;
  /** True where the token of this job opens the action; jobs may do nothing else. */
  opensToJob?(found: Found, caller: Caller & { kind: 'job' }): boolean;
  /** The version of the thing that is changed, which `If-Match` is held against; without it no version ever matches. */
  version?(found: Found): number;
  run(context: Context, input: Input, found: Found): Promise<Result>;
  /**
   * Throws what `run` would throw about the caller's right beyond `needs`, and nothing else. A kept answer is repeated only
   * where this allows the action too.
   */
  authorise?(context: Context, input: Input, found: Found): Promise<void>;
  /** Facts for the record of a change: ids and the fields that changed, no secrets. */
  describe?(input: Input, found: Found, result: Result): Partial<AuditEvent>;
}
