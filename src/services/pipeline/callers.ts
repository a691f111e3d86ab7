import type { AuditEvent } from '../../core/audit.ts';
import type { Clock } from '../../core/clock.ts';
import { ArsiaError } from '../../core/errors.ts';
import type { LoggedFacts } from '../../core/loggedfacts.ts';
import { refuseJob } from '../../core/mint.ts';
import type { Origin } from '../../core/origin.ts';
import { anonymous, type Caller, jobCaller } from '../../core/principals.ts';
import type { Database } from '../../database/connections.ts';
import { type ArtifactStore, hashToken } from '../../store/issuing/artifacts.ts';
import type { MintFactsReader } from '../../store/issuing/mintfacts.ts';
import { jobTokenPattern } from '../jobs/jobtokens.ts';
import { findPrincipal } from './principals.ts';
import { buildEvent, recordRefusal } from './records.ts';
import type { Audit } from './refusals.ts';
import { buildMissingJobTokenError } from './rights.ts';

/**
 * Finds the caller of a bearer token. Nothing is cached, so that a revoked token or a deactivated principal is refused
 * with the next request.
 */
export interface Callers {
  /**
   * Returns the caller of a token, `anonymous` without one, and sets it in `logged`. Throws `unauthenticated` or
   * `job_ended`, with one audit record.
   */
  authenticate(bearer: string | undefined, origin: Origin, logged: LoggedFacts): Promise<Caller>;
  /**
   * Identifies the job of a token on a route that takes job tokens only. Returns `refusal` (`unauthenticated`,
   * `job_ended`) for a token that is not valid there. Records nothing. Throws `unavailable`.
   */
  identifyJob(bearer: string | undefined): Promise<{ caller: Caller; refusal?: ArsiaError }>;
}

/**
 * Returns the bearer token of a request that needs a job token. Throws `unauthenticated` where there is none or it has
 * another form.
 */
export function readJobToken(bearer: string | undefined): string {
  if (bearer === undefined) throw buildMissingJobTokenError();
  if (!jobTokenPattern.test(bearer)) throw buildUnknownTokenError();
  return bearer;
}

/** Characters; longer than any token that Arsia creates. Longer ones are refused before they are hashed. */
const maximumTokenLength = 512;

export function createCallers(parts: {
  database: Database;
  reader: MintFactsReader;
  artifacts: ArtifactStore;
  audit: Audit;
  clock: Clock;
}): Callers {
  const { database, reader, artifacts, audit, clock } = parts;

  async function identify(bearer: string): Promise<Identified> {
    if (bearer.length > maximumTokenLength) throw buildUnknownTokenError();
    if (jobTokenPattern.test(bearer)) return await findJobCaller(reader, clock, bearer);
    const found = await artifacts.findPrincipal(hashToken(bearer), clock.now());
    if (found === undefined) throw buildUnknownTokenError();
    const principal = await findPrincipal(database.query, found.principal_id);
    if (principal?.is_active !== true) throw buildUnknownTokenError();
    return { caller: principal.caller };
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

    async authenticate(bearer, origin, logged) {
      if (bearer === undefined) {
        logged.caller = anonymous;
        return anonymous;
      }
      let identified: Identified = { caller: anonymous };
      try {
        identified = await identify(bearer);
        logged.caller = identified.caller;
        if (identified.refusal !== undefined) throw identified.refusal;
        return identified.caller;
      } catch (thrown) {
        throw await recordRefusal(audit, thrown, (refusal) => {
          const more = { ...refusal, ...nameRefused(identified.caller) };
          return buildEvent(clock, { caller: anonymous, origin }, 'caller.authenticate', undefined, more);
        });
      }
    },
  };
}

/** The holder of a token; with `refusal` one whose token is not valid any more. */
interface Identified {
  caller: Caller;
  refusal?: ArsiaError;
}

/**
 * Returns the columns of a record by which an organisation finds the refusal of its job. The actor remains anonymous, so
 * that refusals of the same kind are counted.
 */
function nameRefused(caller: Caller): Partial<AuditEvent> {
  if (caller.kind !== 'job') return {};
  const { id, organization_id, workspace_id, user_id } = caller;
  return { organization_id, workspace_id, user_id, job_id: id, target_id: id };
}

/** Finds the job of a token. Refuses a job that may no longer mint, by the same facts as the mint. */
async function findJobCaller(reader: MintFactsReader, clock: Clock, token: string): Promise<Identified> {
  const read = await reader.read({ token_hash: hashToken(token), identity: null });
  if (read === null) throw buildUnknownTokenError();
  const caller = jobCaller(read.facts);
  const refusal = refuseJob(read.facts, clock.now());
  return refusal === undefined ? { caller } : { caller, refusal: new ArsiaError(refusal.code, refusal.detail) };
}

/**
 * Builds the refusal of a token. The text is the same for every cause, so that it does not help an attacker to guess
 * tokens.
 */
export function buildUnknownTokenError(): ArsiaError {
  return new ArsiaError(
    'unauthenticated',
    'This token is not valid here: it is unknown, expired, revoked or of another kind.',
    {
      advice: 'Send a valid access token. For tokens and credentials, send the token of a running job.',
    },
  );
}
