import { createHash } from 'node:crypto';
import { CompiledQuery, sql } from 'kysely';
import { ArsiaError } from '../../core/errors.ts';
import type { Database } from '../../database/connections.ts';
import { isAdmitting } from '../machines/trustrules.ts';
import { artifactStatements } from './artifactstatements.ts';

/** What the store needs of signing/sealing/sealing.ts; the context is the additional data, so that a swapped row does not open. */
export interface ArtifactSealer {
  seal(plaintext: Uint8Array, context: SealingContext): Promise<Uint8Array>;
  open(sealed: Uint8Array, context: SealingContext): Promise<Uint8Array>;
}

interface SealingContext {
  table: string;
  row: string;
  purpose: string;
}

/** Something the authorization server keeps for a while: an access token, a code, a grant, a used assertion. */
export interface Artifact {
  /** oidc-provider's name of the kind, such as `ClientCredentials`. */
  model: string;
  /** The token, code or id itself; only its SHA-256 is stored, and that of `grant_id`, `uid` and `user_code`. */
  id: string;
  payload: Readonly<Record<string, unknown>>;
  grant_id?: string | undefined;
  uid?: string | undefined;
  user_code?: string | undefined;
  /** The account or client that an access token speaks for. */
  principal_id?: string | undefined;
  /** The trust rule that an access token was given by: it goes with the rule, and none comes after it. */
  trust_rule_id?: string | undefined;
  /** Milliseconds since 1970; null for what does not expire. */
  expires_at: number | null;
}

export interface FoundArtifact {
  payload: Record<string, unknown>;
  /** Milliseconds since 1970; null while it was not used. */
  consumed_at: number | null;
}

/** Whom an access token speaks for. */
export interface TokenPrincipal {
  principal_id: string;
  /** Milliseconds since 1970. */
  expires_at: number;
}

/** All times in milliseconds since 1970. What has expired at `now` is not found, though its row may still stand. */
export interface ArtifactStore {
  /**
   * Inserts, or replaces all but the mark of use and the trust rule. Throws ArsiaError `outside_token_untrusted` when that
   * rule admits nobody any more.
   */
  save(artifact: Artifact): Promise<void>;
  /** Inserts; false when this id was there before, expired or not. Of many at once exactly one gets true. */
  saveOnce(artifact: Artifact): Promise<boolean>;
  /** Puts this in the place of what has the id `former`; false, and nothing is stored, when that is there no more. */
  replace(artifact: Artifact, former: string): Promise<boolean>;
  find(model: string, by: ArtifactKey, now: number): Promise<FoundArtifact | undefined>;
  /** Marks as used; false when it was used before, has expired or is not there. Of many at once exactly one gets true. */
  consume(model: string, id: string, now: number): Promise<boolean>;
  destroy(model: string, id: string): Promise<void>;
  /**
   * Notes that somebody asks about it; true when the one before was less than the interval ago, on whichever replica, and
   * the interval is `step` seconds longer from then on (RFC 8628 3.5). False for what is not there.
   */
  isPolledTooOften(model: string, id: string, now: number, step: number): Promise<boolean>;
  /** Removes everything that was given under a grant. */
  revokeGrant(grantId: string): Promise<void>;
  /** The principal of a live access token by the token's hash (`hashOf`), from columns alone: nothing is unsealed. */
  findPrincipal(tokenHash: Uint8Array, now: number): Promise<TokenPrincipal | undefined>;
  /** Removes what expired some minutes ago; returns how many rows went. */
  sweep(now: number): Promise<number>;
}

export type ArtifactKey = { id: string } | { uid: string } | { user_code: string };

/**
 * Expired rows stay this long (milliseconds): a replica whose clock runs ahead must not remove the mark of a used assertion
 * while another replica would still accept that assertion.
 */
const sweepDelay = 5 * 60 * 1000;
/** Few enough that one statement ends far below the statement timeout. */
const sweepBatch = 5_000;

export function hashOf(text: string): Uint8Array {
  return createHash('sha256').update(text).digest();
}

interface Parts {
  database: Database;
  sealer: ArtifactSealer;
}

export function createArtifactStore(parts: Parts): ArtifactStore {
  return { ...saving(parts), ...finding(parts), ...using(parts), ...removing(parts) };
}

function saving({ database, sealer }: Parts): Pick<ArtifactStore, 'save' | 'saveOnce' | 'replace'> {
  async function rowOf(artifact: Artifact): Promise<unknown[]> {
    const id = hashOf(artifact.id);
    const payload = await sealer.seal(
      Buffer.from(JSON.stringify(artifact.payload)),
      sealingContext(artifact.model, id),
    );
    return [
      artifact.model,
      id,
      optionalHash(artifact.grant_id),
      optionalHash(artifact.uid),
      optionalHash(artifact.user_code),
      artifact.principal_id ?? null,
      payload,
      artifact.expires_at === null ? null : new Date(artifact.expires_at),
      artifact.trust_rule_id ?? null,
    ];
  }

  return {
    async save(artifact) {
      const row = await rowOf(artifact);
      const { trust_rule_id } = artifact;
      if (trust_rule_id === undefined) {
        await database.statement('artifact_save', artifactStatements.save, row);
        return;
      }
      // Serializable: a change that ends the tokens of a rule either sees this one or is seen here.
      await database.transaction(async (tx) => {
        if (!(await isAdmitting(tx, trust_rule_id)))
          throw new ArsiaError('outside_token_untrusted', 'The trust rule was removed, or admits nobody any more.');
        await tx.executeQuery(CompiledQuery.raw(artifactStatements.save, row));
      });
    },
    async saveOnce(artifact) {
      const rows = await database.statement('artifact_save_once', artifactStatements.saveOnce, await rowOf(artifact));
      return rows.length === 1;
    },
    async replace(artifact, former) {
      const values = [...(await rowOf(artifact)), hashOf(former)];
      return (await database.statement('artifact_replace', artifactStatements.replace, values)).length === 1;
    },
  };
}

function finding({ database, sealer }: Parts): Pick<ArtifactStore, 'find' | 'findPrincipal'> {
  return {
    async find(model, by, now) {
      const [name, text, key] = lookup(by);
      const [row] = await database.statement<FoundRow>(name, text, [model, hashOf(key), new Date(now)]);
      if (row === undefined) return undefined;
      const payload = await sealer.open(row.payload, sealingContext(model, row.id_hash));
      return {
        payload: JSON.parse(Buffer.from(payload).toString()) as Record<string, unknown>,
        consumed_at: row.consumed_at === null ? null : row.consumed_at.getTime(),
      };
    },
    async findPrincipal(tokenHash, now) {
      const [row] = await database.statement<{ principal_id: string; expires_at: Date }>(
        'artifact_principal',
        artifactStatements.findPrincipal,
        [tokenHash, new Date(now)],
      );
      return row && { principal_id: row.principal_id, expires_at: row.expires_at.getTime() };
    },
  };
}

function using({ database }: Parts): Pick<ArtifactStore, 'consume' | 'isPolledTooOften'> {
  return {
    async consume(model, id, now) {
      const rows = await database.statement('artifact_consume', artifactStatements.consume, [
        model,
        hashOf(id),
        new Date(now),
      ]);
      return rows.length === 1;
    },
    async isPolledTooOften(model, id, now, step) {
      const [row] = await database.statement<{ is_early: boolean }>('artifact_poll', artifactStatements.poll, [
        model,
        hashOf(id),
        new Date(now),
        step,
      ]);
      return row?.is_early === true;
    },
  };
}

function removing({ database }: Parts): Pick<ArtifactStore, 'destroy' | 'revokeGrant' | 'sweep'> {
  return {
    async destroy(model, id) {
      await database.query
        .deleteFrom('oidc_artifacts')
        .where('model', '=', model)
        .where('id_hash', '=', hashOf(id))
        .execute();
    },
    async revokeGrant(grantId) {
      await database.query.deleteFrom('oidc_artifacts').where('grant_hash', '=', hashOf(grantId)).execute();
    },
    async sweep(now) {
      const before = new Date(now - sweepDelay);
      for (let gone = 0; ; ) {
        const result = await sql`DELETE FROM oidc_artifacts WHERE (model, id_hash) IN (
          SELECT model, id_hash FROM oidc_artifacts WHERE expires_at < ${before} LIMIT ${sweepBatch} FOR UPDATE SKIP LOCKED
        )`.execute(database.query);
        const removed = Number(result.numAffectedRows ?? 0n);
        gone += removed;
        if (removed < sweepBatch) return gone;
      }
    },
  };
}

interface FoundRow {
  id_hash: Uint8Array;
  payload: Uint8Array;
  consumed_at: Date | null;
}

function lookup(by: ArtifactKey): [name: string, text: string, key: string] {
  if ('id' in by) return ['artifact_by_id', artifactStatements.findById, by.id];
  if ('uid' in by) return ['artifact_by_uid', artifactStatements.findByUid, by.uid];
  return ['artifact_by_user_code', artifactStatements.findByUserCode, by.user_code];
}

function sealingContext(model: string, idHash: Uint8Array): SealingContext {
  return { table: 'oidc_artifacts', row: `${model}:${Buffer.from(idHash).toString('hex')}`, purpose: 'payload' };
}

function optionalHash(text: string | undefined): Uint8Array | null {
  return text === undefined ? null : hashOf(text);
}
