import { createHash } from 'node:crypto';
import { canonicalJson } from '../../core/canonical.ts';
import type { Clock } from '../../core/clock.ts';
import { ArsiaError } from '../../core/errors.ts';
import { idempotencyLifetime } from '../../core/lifetimes.ts';
import type { Database } from '../../database/connections.ts';
import { findAnswer, keepAnswer, lockKey, sweepKeys, takeKey } from '../../store/issuing/idempotency.ts';
import type { Call } from './action.ts';
import type { Pipeline } from './pipeline.ts';

export type Answer = Record<string, unknown>;

/** A create with an `Idempotency-Key`: requests that repeat the key return the first result. */
export interface KeyedRequest {
  call: Call;
  /** The name of the action in the audit. */
  action: string;
  /** Keys are separate for each caller and each route. */
  route: string;
  key: string;
  /** The whole content of the request. Another content under the same key is refused. */
  content: unknown;
  /** Members of the answer that are returned once and not stored. */
  secrets: readonly string[];
}

export interface Idempotency {
  /**
   * Runs `work` once for a key and stores its answer for a day, in the same transaction: a change cannot be committed
   * without its key. A repeated request is authorised as a new one would be and gets the stored answer, whose
   * `withheld` names the secrets that are left out. Throws what a new request would be refused with for lack of a
   * right, `idempotency_key_reused` for another content, and `request_in_progress` while the first request runs.
   */
  once(
    request: KeyedRequest,
    work: (within: Pipeline) => Promise<Answer>,
  ): Promise<{ answer: Answer; isReplay: boolean }>;
  /** Deletes keys that are older than a day. */
  sweep(): Promise<void>;
}

const sweepBatch = 5_000;

export function createIdempotency(parts: { database: Database; pipeline: Pipeline; clock: Clock }): Idempotency {
  const { database, pipeline, clock } = parts;

  return {
    async once(request, work) {
      const { call, action, secrets } = request;
      const key_hash = hashValue([call.caller.kind, call.caller.id, request.route, request.key]);
      const content_hash = hashValue(request.content);
      // Tries twice: another request may commit its answer between the lookup and the lock.
      for (let tries = 0; tries < 2; tries++) {
        const now = clock.now();
        const kept = await findAnswer(database.query, key_hash, new Date(now));
        if (kept !== undefined && Buffer.compare(kept.content_hash, content_hash) === 0) {
          // The caller may have lost the right since: then it may not read the stored answer.
          await pipeline.authorise(action, call, work);
          return { answer: kept.answer, isReplay: true };
        }
        if (kept !== undefined) return await recordAndThrow(pipeline, request, buildReusedKeyError());
        const expires_at = new Date(now + idempotencyLifetime * 1000);
        const organization_id = 'organization_id' in call.caller ? call.caller.organization_id : null;
        const row = { key_hash, organization_id, content_hash, expires_at };
        const answer = await pipeline.performTogether(
          action,
          call,
          async (within, db, admit) => {
            if (!(await lockKey(db, key_hash))) throw buildInProgressError();
            const place = await takeKey(db, row, new Date(now));
            if (place === undefined) return undefined;
            await admit('idempotency_keys', organization_id);
            const made = await work(within);
            await keepAnswer(db, place, removeSecrets(made, secrets));
            return made;
          },
          ['idempotency_keys'],
        );
        if (answer !== undefined) return { answer, isReplay: false };
      }
      return await recordAndThrow(pipeline, request, buildInProgressError());
    },

    async sweep() {
      while ((await sweepKeys(database.query, new Date(clock.now()), sweepBatch)) === sweepBatch);
    },
  };
}

async function recordAndThrow(pipeline: Pipeline, { action, call }: KeyedRequest, error: ArsiaError): Promise<never> {
  await pipeline.refuse(action, call, error);
  throw error;
}

function removeSecrets(answer: Answer, secrets: readonly string[]): Answer {
  const withheld = secrets.filter((name) => Object.hasOwn(answer, name));
  if (withheld.length === 0) return answer;
  const rest = Object.entries(answer).filter(([name]) => !withheld.includes(name));
  return { ...Object.fromEntries(rest), withheld };
}

function hashValue(value: unknown): Uint8Array {
  return createHash('sha256').update(canonicalJson(value)).digest();
}

function buildInProgressError(): ArsiaError {
  return new ArsiaError(
    'request_in_progress',
    'The first request with this `Idempotency-Key` has not been answered yet.',
    {
      retry_after: 1,
    },
  );
}

function buildReusedKeyError(): ArsiaError {
  return new ArsiaError(
    'idempotency_key_reused',
    'This `Idempotency-Key` was used before with another body, path or query.',
  );
}
