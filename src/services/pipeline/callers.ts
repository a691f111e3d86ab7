import { createHash } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import { ArsiaError } from '../../core/errors.ts';
import { isId } from '../../core/ids.ts';
import { refuseJob } from '../../core/mint.ts';
import type { Origin } from '../../core/origin.ts';
import { accountCaller, anonymous, type Caller, jobCaller, userCaller } from '../../core/principals.ts';
import type { Database } from '../../database/connections.ts';
import type { ArtifactStore } from '../../store/issuing/artifacts.ts';
import type { MintFactsReader } from '../../store/issuing/mintfacts.ts';
import { findServiceAccount } from '../../store/machines/serviceaccounts.ts';
import { findUserById } from '../../store/people/users.ts';
import { hashJobToken } from '../jobs/jobs.ts';
import { buildEvent, recordRefusal } from './records.ts';
import type { Audit } from './refusals.ts';

/** Who a bearer token speaks for. Nothing is cached: a revoked token or deactivated principal is refused at once. */
export interface Callers {
  /** Throws `unauthenticated` or `job_ended`, with one audit record, for a token that opens nothing. */
  authenticate(bearer: string | undefined, origin: Origin): Promise<Caller>;
  /**
   * Identifies the job of a token on a route that takes job tokens only. `refusal` where the token opens nothing
   * (`unauthenticated`, `job_ended`). Records nothing. Throws `unavailable`.
   */
  identifyJob(bearer: string | undefined): Promise<{ caller: Caller; refusal?: ArsiaError }>;
}

const jobTokenPattern = /^arsia_job_[\w-]{43}$/;

/** Returns the bearer token of a request that needs a job token; throws `unauthenticated` for what is none. */
export function readJobToken(bearer: string | undefined): string {
  if (bearer === undefined) throw buildMissingJobTokenError();
  if (!jobTokenPattern.test(bearer)) throw buildUnknownTokenError();
  return bearer;
}

/** Longer than any token that Arsia made: refused before it is hashed. */
const maximumTokenLength = 512;

export function createCallers(parts: {
  database: Database;
  reader: MintFactsReader;
  artifacts: ArtifactStore;
  audit: Audit;
  clock: Clock;
}): Callers {
  const { database, reader, artifacts, audit, clock } = parts;

  async function findCaller(bearer: string): Promise<Caller> {
    if (bearer.length > maximumTokenLength) throw buildUnknownTokenError();
    if (jobTokenPattern.test(bearer)) {
      const { caller, refusal } = await findJobCaller(reader, clock, bearer);
      if (refusal !== undefined) throw refusal;
      return caller;
    }
    const found = await artifacts.findPrincipal(createHash('sha256').update(bearer).digest(), clock.now());
    if (found === undefined) throw buildUnknownTokenError();
    return await findPrincipalCaller(database, found.principal_id);
  }

  return {
    async identifyJob(bearer) {
      try {
        const { caller, refusal } = await findJobCaller(reader, clock, readJobToken(bearer));
        return refusal?.row.status === 401 ? { caller, refusal } : { caller };
      } catch (thrown) {
        if (thrown instanceof ArsiaError && thrown.row.status === 401) return { caller: anonymous, refusal: thrown };
        throw thrown;
      }
    },

    async authenticate(bearer, origin) {
      if (bearer === undefined) return anonymous;
      try {
        return await findCaller(bearer);
      } catch (thrown) {
        throw await recordRefusal(audit, thrown, (refusal) =>
          buildEvent(clock, { caller: anonymous, origin }, 'caller.authenticate', undefined, refusal),
        );
      }
    },
  };
}

/** A job that may mint nothing any more is shown nothing any more: the same facts decide. */
async function findJobCaller(
  reader: MintFactsReader,
  clock: Clock,
  token: string,
): Promise<{ caller: Caller; refusal?: ArsiaError }> {
  const read = await reader.read({ token_hash: hashJobToken(token), identity: null });
  if (read === null) throw buildUnknownTokenError();
  const caller = jobCaller(read.facts);
  const refusal = refuseJob(read.facts, clock.now());
  return refusal === undefined ? { caller } : { caller, refusal: new ArsiaError(refusal.code, refusal.detail) };
}

async function findPrincipalCaller(database: Database, id: string): Promise<Caller> {
  if (isId('user', id)) {
    const user = await findUserById(database.query, id);
    if (user?.is_active !== true) throw buildUnknownTokenError();
    return userCaller(user);
  }
  const account = await findServiceAccount(database.query, id);
  if (account?.is_active !== true) throw buildUnknownTokenError();
  return accountCaller(account);
}

/** Returns the refusal of a request without a token on a route for jobs. */
export function buildMissingJobTokenError(): ArsiaError {
  return new ArsiaError('unauthenticated', 'This needs a job token.', {
    advice: 'Send the token in ARSIA_JOB_TOKEN (or the file ARSIA_JOB_TOKEN_FILE) as `Authorization: Bearer <token>`.',
  });
}

/** One text for every token that opens nothing here, so that nobody learns which kind of wrong it is. */
export function buildUnknownTokenError(): ArsiaError {
  return new ArsiaError(
    'unauthenticated',
    'This token opens nothing here: it is unknown, expired, revoked or of another kind.',
    {
      advice: 'Send a live access token, or for tokens and credentials the token of a running job.',
    },
  );
}
