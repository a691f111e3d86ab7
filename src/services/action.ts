import type { Clock } from '../clock.ts';
import { newId } from '../clock.ts';
import type { AuditEvent } from '../core/audit.ts';
import { ArsiaError, asArsiaError } from '../core/errors.ts';
import type { IdKind } from '../core/ids.ts';
import { decide, type Membership, type Permission, roleFor } from '../core/permissions.ts';
import { type Caller, system } from '../core/principals.ts';
import type { Database, Queries } from '../store/database.ts';
import { membershipsOf } from '../store/memberships.ts';
import type { Audit } from './refusals.ts';
import { type Load, type Shares, tenantOf } from './shares.ts';

/** Who calls, and under which request id the log and the audit know it. */
export interface Call {
  caller: Caller;
  /** Null for what no request asked for: the server's timers and commands. */
  request_id: string | null;
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
}

/**
 * One thing that can be done. It says where it happens and what permission that needs; it never sees authorisation or
 * audit, so it cannot forget either.
 */
export interface Action<Input, Found extends Place, Result> {
  /** `noun.verb`, as the audit has it. */
  name: string;
  /**
   * `member`: anyone of the organisation (an operator of no organisation, where the place has none). `operator`: the installation's operators and the server itself. `anyone`: who
   * asks proves itself by what it sends.
   */
  needs: Permission | 'member' | 'operator' | 'anyone';
  /** Changes run in one transaction with their record; reads leave none unless they are refused. */
  changes: boolean;
  /** What the action is about; throws `not_found` through `missing` when there is no such thing. */
  find(context: Context, input: Input): Promise<Found>;
  /** What this input asks of the server; `change` or `read` unless it says otherwise. */
  load?(input: Input): Load;
  /** True where the token of this job opens the action; jobs may do nothing else. */
  opensToJob?(found: Found, caller: Caller & { kind: 'job' }): boolean;
  /** The version of the thing that is changed, which `If-Match` is held against; without it no version ever matches. */
  version?(found: Found): number;
  run(context: Context, input: Input, found: Found): Promise<Result>;
  /** Facts for the record of a change: ids and the fields that changed, no secrets. */
  describe?(input: Input, found: Found, result: Result): Partial<AuditEvent>;
}

export interface Pipeline {
  /** Records a request that was refused before its action began: a body that no schema takes. */
  refuse(action: string, call: Call, error: ArsiaError): Promise<void>;
  perform<Input, Found extends Place, Result>(
    action: Action<Input, Found, Result>,
    call: Call,
    input: Input,
  ): Promise<Result>;
  /**
   * One transaction for everything that `work` performs through `within` and writes through `db`: all of it or nothing. A
   * refusal, of what it performs or by itself, leaves one record; by itself it is one of `action`. `work` may run more than
   * once.
   */
  together<Result>(
    action: string,
    call: Call,
    work: (within: Pipeline, db: Queries) => Promise<Result>,
  ): Promise<Result>;
}

export function missing(noun: string, ref: string): ArsiaError {
  return new ArsiaError('not_found', `There is no ${noun} ${JSON.stringify(ref)}, or you may not see it.`);
}

/** The one way to read or change anything: find, authorise, do, record. Throws `unavailable` where no place is free in time. */
export function createPipeline(parts: { database: Database; audit: Audit; clock: Clock; shares: Shares }): Pipeline {
  const { database, audit, clock, shares } = parts;

  /** One try; `at` learns what it is about, for the record of a refusal. */
  async function attempt<Input, Found extends Place, Result>(
    db: Queries,
    action: Action<Input, Found, Result>,
    call: Call,
    input: Input,
    at: Attempted,
  ): Promise<Result> {
    const context = createContext(db, call, clock);
    Object.assign(at, { action: action.name, found: undefined });
    // Before anything is looked up: a stranger learns nothing about what exists.
    if (call.caller.kind === 'anonymous' && action.needs !== 'anyone') throw nobody();
    if (call.caller.kind === 'job' && action.opensToJob === undefined) throw notForJobs();
    const here = await action.find(context, input);
    at.found = here;
    await authorise(context, action, here);
    refuseStale(call.if_match, action.version?.(here));
    const result = await action.run(context, input, here);
    if (action.changes) {
      const described = action.describe?.(input, here, result) ?? {};
      await audit.insert(db, eventOf(clock, call, action.name, here, { outcome: 'success', ...described }));
    }
    return result;
  }

  /** What `work` throws is recorded, once, and thrown on. */
  async function recorded<Result>(call: Call, at: Attempted, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (thrown) {
      const error = asArsiaError(thrown);
      await audit.refuse(eventOf(clock, call, at.action, at.found, refusalFacts(error)));
      throw error;
    }
  }

  const pipeline: Pipeline = {
    async refuse(action, call, error) {
      await audit.refuse(eventOf(clock, call, action, undefined, refusalFacts(error)));
    },

    async perform(action, call, input) {
      const at: Attempted = { action: action.name };
      const on = (db: Queries) => attempt(db, action, call, input, at);
      const tenant = tenantOf(call.caller);
      const work = () => (action.changes ? database.transaction(on, { tenant }) : on(database.query));
      // Without a place nothing was begun: that is told to the caller and is no record.
      const load = action.load?.(input) ?? (action.changes ? 'change' : 'read');
      return await shares[load](tenant, () => recorded(call, at, work));
    },

    async together(action, call, work) {
      const at: Attempted = { action };
      const on = async (db: Queries) => {
        Object.assign(at, { action, found: undefined });
        const within: Pipeline = {
          ...pipeline,
          perform: (inner, innerCall, input) => attempt(db, inner, innerCall, input, at),
        };
        return await work(within, db);
      };
      const tenant = tenantOf(call.caller);
      return await shares.change(tenant, () => recorded(call, at, () => database.transaction(on, { tenant })));
    },
  };
  return pipeline;
}

/** What a request has come to: the action, and what it is about once that is found. */
interface Attempted {
  action: string;
  found?: Place | undefined;
}

function refuseStale(if_match: IfMatch | undefined, version: number | undefined): void {
  if (if_match === undefined || if_match === 'any') return;
  if (version === undefined)
    throw new ArsiaError('precondition_failed', 'This has no version that `If-Match` could name.', {
      advice: 'Send it without `If-Match`.',
    });
  if (!if_match.includes(version))
    throw new ArsiaError('precondition_failed', `It was changed meanwhile: it is at version ${version}.`);
}

function refusalFacts(error: ArsiaError): Pick<AuditEvent, 'outcome' | 'code' | 'detail'> {
  const outcome = error.row.status >= 500 ? 'failed' : 'refused';
  return { outcome, code: error.code, detail: { reason: error.message } };
}

/** A call that nobody made: the server itself, or a person at its terminal. */
export const bySystem: Call = { caller: system, request_id: null };

/** An audit event of a call, complete but for what `more` says. */
export function eventOf(
  clock: Clock,
  call: Call,
  action: string,
  place: Place | undefined,
  more: Partial<AuditEvent> & Pick<AuditEvent, 'outcome'>,
): AuditEvent {
  const { caller } = call;
  return {
    id: more.id ?? newId(clock, 'event'),
    at: clock.now(),
    action,
    code: null,
    organization_id: place?.organization_id ?? ('organization_id' in caller ? caller.organization_id : null),
    actor_kind: caller.kind,
    actor_id: caller.id,
    user_id: null,
    workspace_id: caller.kind === 'job' ? caller.workspace_id : null,
    identity_id: null,
    job_id: caller.kind === 'job' ? caller.id : null,
    target_id: null,
    jti: null,
    signing_input_sha256: null,
    request_id: call.request_id,
    parent_id: null,
    ...place?.audit,
    ...more,
    detail: { ...place?.recorded, ...more.detail },
  };
}

function createContext(db: Queries, call: Call, clock: Clock): Context {
  const context: Context = {
    ...call,
    db,
    now: clock.now(),
    id: (kind) => newId(clock, kind),
    random: clock.random,
    async demand(permission, place) {
      const decision = await decideFor(context, permission, place);
      if (decision !== 'allow') throw refusal(decision, permission, place);
    },
    async may(permission, place) {
      return (await decideFor(context, permission, place)) === 'allow';
    },
  };
  return context;
}

async function authorise<Found extends Place>(
  context: Context,
  action: Action<never, Found, unknown>,
  found: Found,
): Promise<void> {
  const { caller } = context;
  if (caller.kind === 'system' || action.needs === 'anyone') return;
  if (caller.kind === 'anonymous') throw nobody();
  if (caller.kind === 'job') {
    if (action.opensToJob?.(found, caller) === true) return;
    // Of other jobs and workspaces a job learns no more than of those that never were.
    throw refusal('not_found', 'namespace.view', found);
  }
  if (action.needs === 'operator') {
    if (caller.kind === 'user' && caller.is_operator) return;
    throw new ArsiaError('forbidden', 'This is for operators of the installation.', {
      advice: 'Run `arsia admin link` on the server to become one.',
    });
  }
  if (action.needs === 'member') {
    const isOperator = caller.kind === 'user' && caller.is_operator;
    if (caller.organization_id === found.organization_id && (caller.organization_id !== null || isOperator)) return;
    throw refusal('not_found', 'namespace.view', found);
  }
  await context.demand(action.needs, found);
}

async function decideFor(context: Context, permission: Permission, place: Place) {
  const { caller, db } = context;
  if (caller.kind === 'system') return 'allow' as const;
  if (caller.kind !== 'user' && caller.kind !== 'service_account') return 'not_found' as const;
  // Nowhere: an operator belongs to no organisation.
  if (place.lineage.length === 0) return 'not_found' as const;
  const memberships: Membership[] = await membershipsOf(db, caller.id, place.lineage);
  return decide(permission, place.lineage, memberships);
}

function nobody(): ArsiaError {
  return new ArsiaError('unauthenticated', 'This needs an access token.', {
    advice: 'Send `Authorization: Bearer <access token>`; `arsia bootstrap` prints the first one.',
  });
}

/** For what names no place: it is about the caller's organisation as a whole. */
function nowhere(): ArsiaError {
  return new ArsiaError('not_found', 'You have no role in an organisation as a whole.', {
    advice: 'Ask an owner of the organisation for one on its root group.',
  });
}

function notForJobs(): ArsiaError {
  return new ArsiaError(
    'forbidden',
    'A job token opens only tokens, credentials, its own job and the identities of its workspace.',
    { advice: 'Use an access token of a person or a service account for this.' },
  );
}

function refusal(decision: 'not_found' | 'forbidden', permission: Permission, place: Place): ArsiaError {
  if (decision === 'not_found') return place.named ? missing(place.named.noun, place.named.ref) : nowhere();
  const role = roleFor(permission);
  return new ArsiaError('forbidden', `This needs the permission ${permission}.`, {
    advice: `Ask an owner for the role ${role} here.`,
  });
}
