import type { Clock } from '../../core/clock.ts';
import { newId } from '../../core/clock.ts';
import { ArsiaError, asArsiaError } from '../../core/errors.ts';
import type { QuotaName } from '../../core/quotas.ts';
import type { Database, Queries } from '../../database/connections.ts';
import type { Action, Call, Context, IfMatch, Place } from './action.ts';
import { type Admission, type Admit, createAdmit, createQuotaCounts, type QuotaCounts } from './quotacounts.ts';
import { eventOf, refusalFacts } from './records.ts';
import type { Audit } from './refusals.ts';
import { authorise, decideFor, notForJobs, refusal, unauthenticated } from './rights.ts';
import { type Shares, tenantOf } from './shares.ts';

export interface Pipeline {
  /** Records a request that was refused before its action began: a body that no schema takes. */
  refuse(action: string, call: Call, error: ArsiaError): Promise<void>;
  perform<Input, Found extends Place, Result>(
    action: Action<Input, Found, Result>,
    call: Call,
    input: Input,
  ): Promise<Result>;
  /**
   * Throws, with one record of `action`, what the first action that `work` performs would be refused with for lack of a
   * right. Changes nothing: `work` ends where the action would run.
   */
  authorise(action: string, call: Call, work: (within: Pipeline) => Promise<unknown>): Promise<void>;
  /**
   * One transaction for everything that `work` performs through `within` and writes through `db`: all of it or nothing. A
   * refusal, of what it performs or by itself, leaves one record; by itself it is one of `action`. `work` may run more than
   * once.
   */
  together<Result>(
    action: string,
    call: Call,
    work: (within: Pipeline, db: Queries, admit: Admit) => Promise<Result>,
    adds?: readonly QuotaName[],
  ): Promise<Result>;
}

/** Finds, authorises, runs and records every read and change. Throws `unavailable` where no place becomes free in time. */
export function createPipeline(parts: {
  database: Database;
  audit: Audit;
  clock: Clock;
  shares: Shares;
  quotas?: QuotaCounts;
}): Pipeline {
  const { database, audit, clock, shares, quotas = createQuotaCounts(parts) } = parts;

  /** One transaction in which quotas are taken from. */
  function changing<Result>(
    tenant: string,
    work: (db: Queries, admission: Admission) => Promise<Result>,
  ): Promise<Result> {
    return quotas.admitting((admission) =>
      database.transaction(
        (db) => {
          admission.restart();
          return work(db, admission);
        },
        { tenant },
      ),
    );
  }

  /** Finds what the action is about and authorises the caller; `at` learns what it is, for the record of a refusal. */
  async function reach<Input, Found extends Place>(
    context: Context,
    action: Action<Input, Found, unknown>,
    input: Input,
    at: Attempted,
  ): Promise<Found> {
    const { caller } = context;
    Object.assign(at, { action: action.name, found: undefined });
    // Before anything is looked up: a stranger learns nothing about what exists.
    if (caller.kind === 'anonymous' && action.needs !== 'anyone') throw unauthenticated();
    if (caller.kind === 'job' && action.opensToJob === undefined) throw notForJobs();
    const here = await action.find(context, input);
    at.found = here;
    await authorise(context, action, here);
    return here;
  }

  /** One try. */
  async function attempt<Input, Found extends Place, Result>(
    db: Queries,
    action: Action<Input, Found, Result>,
    call: Call,
    input: Input,
    at: Attempted,
    admission?: Admission,
  ): Promise<Result> {
    const context = createContext(db, call, clock, action.adds, admission);
    const here = await reach(context, action, input, at);
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
      const on = (db: Queries, admission?: Admission) => attempt(db, action, call, input, at, admission);
      const tenant = tenantOf(call.caller);
      const work = () => (action.changes ? changing(tenant, on) : on(database.query));
      // A request that got no place has begun nothing and leaves no record.
      const load = action.load?.(input) ?? (action.changes ? 'change' : 'read');
      return await shares[load](tenant, () => recorded(call, at, work));
    },

    async authorise(action, call, work) {
      const at: Attempted = { action };
      const within: Pipeline = {
        ...pipeline,
        async perform(inner, innerCall, input) {
          const context = createContext(database.query, innerCall, clock);
          const here = await reach(context, inner, input, at);
          await inner.authorise?.(context, input, here);
          throw new Authorised();
        },
      };
      const decide = () =>
        work(within).catch((thrown: unknown) => {
          if (!(thrown instanceof Authorised)) throw thrown;
        });
      await shares.read(tenantOf(call.caller), () => recorded(call, at, decide));
    },

    async together(action, call, work, adds) {
      const at: Attempted = { action };
      const on = async (db: Queries, admission: Admission) => {
        Object.assign(at, { action, found: undefined });
        const within: Pipeline = {
          ...pipeline,
          perform: (inner, innerCall, input) => attempt(db, inner, innerCall, input, at, admission),
        };
        return await work(within, db, createContext(db, call, clock, adds, admission).admit);
      };
      const tenant = tenantOf(call.caller);
      return await shares.change(tenant, () => recorded(call, at, () => changing(tenant, on)));
    },
  };
  return pipeline;
}

/** Ends the work of `Pipeline.authorise` where an action would run. */
class Authorised extends Error {}

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

function createContext(
  db: Queries,
  call: Call,
  clock: Clock,
  adds: readonly QuotaName[] = [],
  admission?: Admission,
): Context {
  const now = clock.now();
  const context: Context = {
    ...call,
    db,
    now,
    admit: createAdmit({ db, now, adds, admission }),
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
