import type { Clock } from '../../core/clock.ts';
import type { ArsiaError } from '../../core/errors.ts';
import type { QuotaName } from '../../core/quotas.ts';
import type { Database, Queries } from '../../database/connections.ts';
import type { Action, Call, Place } from './action.ts';
import type { Admit } from './admit.ts';
import { type Attempt, attemptAction, findAndAuthorise } from './attempt.ts';
import { createContext, type DatabaseScope } from './context.ts';
import { createQuotaCounts, type QuotaCounts } from './quotacounts.ts';
import { buildEvent, describeRefusal, type RefusalFacts, recordRefusal } from './records.ts';
import type { Audit } from './refusals.ts';
import { findTenant, type Shares } from './shares.ts';

export interface Pipeline {
  /** Records a request that is refused before its action begins, such as a body that its schema rejects. */
  refuse(action: string, call: Call, error: ArsiaError): Promise<void>;
  perform<Input, Found extends Place, Result>(
    action: Action<Input, Found, Result>,
    call: Call,
    input: Input,
  ): Promise<Result>;
  /**
   * Throws, with one record of `action`, what the first action of `work` would be refused with for lack of a right.
   * Changes nothing: `work` ends where that action would run.
   */
  authorise(action: string, call: Call, work: (within: Pipeline) => Promise<unknown>): Promise<void>;
  /**
   * Runs everything that `work` performs through `within` and writes through `db` in one transaction. A refusal rolls
   * all of it back and leaves one record: of the action that was refused, or of `action` where `work` itself throws.
   * `work` may run more than once.
   */
  performTogether<Result>(
    action: string,
    call: Call,
    work: (within: Pipeline, db: Queries, admit: Admit) => Promise<Result>,
    adds?: readonly QuotaName[],
  ): Promise<Result>;
}

/**
 * Creates the pipeline, which finds, authorises, runs and records every read and change. Its methods throw
 * `unavailable` where the tenant's share of the server stays busy.
 */
export function createPipeline(parts: {
  database: Database;
  audit: Audit;
  clock: Clock;
  shares: Shares;
  quotas?: QuotaCounts;
}): Pipeline {
  const { database, audit, clock, shares, quotas = createQuotaCounts(parts) } = parts;

  /** Runs `work` in one transaction in which room in quotas can be reserved. */
  function runInTransaction<Result>(
    tenant: string,
    work: (scope: Required<DatabaseScope>) => Promise<Result>,
  ): Promise<Result> {
    return quotas.runAdmitted((admission) =>
      database.transaction(
        (db) => {
          admission.restart();
          return work({ db, admission });
        },
        { tenant },
      ),
    );
  }

  /** Runs `work`. Records its error with the place that was found by then. */
  async function runRecorded<Result>(call: Call, attempted: Attempt, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (thrown) {
      const eventFor = (refusal: RefusalFacts) => buildEvent(clock, call, attempted.action, attempted.found, refusal);
      throw await recordRefusal(audit, thrown, eventFor, { hasBegun: true });
    }
  }

  const pipeline: Pipeline = {
    async refuse(action, call, error) {
      await audit.refuse(buildEvent(clock, call, action, undefined, describeRefusal(error)));
    },

    async perform(action, call, input) {
      const attempted: Attempt = { action: action.name };
      const runIn = (scope: DatabaseScope) => attemptAction(parts, scope, { action, call, input }, attempted);
      const tenant = findTenant(call.caller);
      const work = () => (action.changes ? runInTransaction(tenant, runIn) : runIn({ db: database.query }));
      // A request that found the server busy has begun nothing and leaves no record.
      const load = action.load?.(input) ?? (action.changes ? 'change' : 'read');
      return await shares[load](tenant, () => runRecorded(call, attempted, work));
    },

    async authorise(action, call, work) {
      const attempted: Attempt = { action };
      const within: Pipeline = {
        ...pipeline,
        async perform(inner, innerCall, input) {
          const context = createContext({ db: database.query }, innerCall, clock);
          const found = await findAndAuthorise(context, inner, input, attempted);
          await inner.authorise?.(context, input, found);
          throw new Authorised();
        },
      };
      const decide = () =>
        work(within).catch((thrown: unknown) => {
          if (!(thrown instanceof Authorised)) throw thrown;
        });
      await shares.read(findTenant(call.caller), () => runRecorded(call, attempted, decide));
    },

    async performTogether(action, call, work, adds) {
      const attempted: Attempt = { action };
      const runIn = async (scope: Required<DatabaseScope>) => {
        Object.assign(attempted, { action, found: undefined });
        const within: Pipeline = {
          ...pipeline,
          perform: (inner, innerCall, input) =>
            attemptAction(parts, scope, { action: inner, call: innerCall, input }, attempted),
        };
        return await work(within, scope.db, createContext(scope, call, clock, adds).admit);
      };
      const tenant = findTenant(call.caller);
      return await shares.change(tenant, () => runRecorded(call, attempted, () => runInTransaction(tenant, runIn)));
    },
  };
  return pipeline;
}

/** Ends the `work` of `Pipeline.authorise` where an action would run. */
class Authorised extends Error {}
