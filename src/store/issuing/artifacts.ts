import { hash } from 'node:crypto';
import { CompiledQuery, sql } from 'kysely';
import { ArsiaError } from '../../core/errors.ts';
import type { Database } from '../../database/connections.ts';
import { isAdmitting } from '../machines/trustrules.ts';
import { artifactStatements } from './artifactstatements.ts';

/** The part of `Sealer` (signing/sealing/sealing.ts) that the store uses. The context binds a sealed value to its row. */
export interface ArtifactSealer {
  seal(plaintext: Uint8Array, context: SealingContext): Promise<Uint8Array>;
  open(sealed: Uint8Array, context: SealingContext): Promise<Uint8Array>;
}

interface SealingContext {
  table: string;
  row: string;
  purpose: string;
}

/** A record of the authorization server with an expiry: an access token, a code, a grant, a used assertion. */
export interface Artifact {
  /** The model name of oidc-provider, such as `ClientCredentials`. */
  model: string;
  /** The token, code or id. Of it and of `grant_id`, `uid` and `user_code` only the SHA-256 is stored. */
  id: string;
  payload: Readonly<Record<string, unknown>>;
  grant_id?: string | undefined;
  uid?: string | undefined;
  user_code?: string | undefined;
  /** The user or service account that an access token authenticates. */
  principal_id?: string | undefined;
  /** The trust rule by which an access token was issued. Deleting the rule deletes the token. */
  trust_rule_id?: string | undefined;
  /** Milliseconds since 1970; null where it does not expire. */
  expires_at: number | null;
}

export interface FoundArtifact {
  payload: Record<string, unknown>;
  /** Milliseconds since 1970; null while unused. */
  consumed_at: number | null;
}

/** The principal that an access token authenticates. */
export interface TokenPrincipal {
  principal_id: string;
  /** Milliseconds since 1970. */
  expires_at: number;
}

/**
 * All times are in milliseconds since 1970. An artifact that has expired at `now` is not found, even while its row exists.
 */
export interface ArtifactStore {
  /**
   * Inserts, or replaces everything except `consumed_at` and the trust rule. Throws ArsiaError `outside_token_untrusted`
   * when the trust rule was removed or no longer admits tokens.
   */
  save(artifact: Artifact): Promise<void>;
  /** Inserts. Returns false where the id exists, expired or not. Of concurrent calls exactly one returns true. */
  saveOnce(artifact: Artifact): Promise<boolean>;
  /** Replaces the artifact with the id `former`. Returns false, and stores nothing, where that no longer exists. */
  replace(artifact: Artifact, former: string): Promise<boolean>;
  find(model: string, by: ArtifactKey, now: number): Promise<FoundArtifact | undefined>;
  /**
   * Marks as used. Returns false where it was used before, has expired or does not exist. Of concurrent calls exactly one
   * returns true.
   */
  consume(model: string, id: string, now: number): Promise<boolean>;
  destroy(model: string, id: string): Promise<void>;
  /**
   * Records a poll. Returns true when the previous poll, on any replica, was less than the interval ago; the interval is then
   * extended by `step` seconds (RFC 8628 3.5). Returns false where the artifact does not exist.
   */
  isPolledTooOften(model: string, id: string, now: number, step: number): Promise<boolean>;
  /** Deletes all artifacts of a grant. */
  revokeGrant(grantId: string): Promise<void>;
  /** Returns the principal of a live access token by `hashToken` of the token. Reads columns only, and unseals nothing. */
  findPrincipal(tokenHash: Uint8Array, now: number): Promise<TokenPrincipal | undefined>;
  /** Deletes artifacts that expired more than `sweepDelay` ago. Returns the number of rows. */
  sweep(now: number): Promise<number>;
}

export type ArtifactKey = { id: string } | { uid: string } | { user_code: string };

/**
 * Milliseconds for which expired rows are kept: a replica whose clock runs ahead must not delete the mark of a used assertion
 * while another replica would still accept that assertion.
 */
const sweepDelay = 5 * 60 * 1000;
/** Rows of one statement: it must end well within the statement timeout. */
const sweepBatch = 5_000;

/** Returns the SHA-256 of a token, secret, code or id, as it is stored. */
export function hashToken(text: string): Uint8Array {
  return hash('sha256', text, 'buffer');
}

interface Parts {
  database: Database;
  sealer: ArtifactSealer;
}

export function createArtifactStore(parts: Parts): ArtifactStore {
  return { ...saving(parts), ...finding(parts), ...using(parts), ...removing(parts) };
}

function saving({ database, sealer }: Parts): Pick<ArtifactStore, 'save' | 'saveOnce' | 'replace'> {
  async function toRow(artifact: Artifact): Promise<unknown[]> {
    const id = hashToken(artifact.id);
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
      const row = await toRow(artifact);
      const { trust_rule_id } = artifact;
      if (trust_rule_id === undefined) {
        await database.statement('artifact_save', artifactStatements.save, row);
        return;
      }
      // Serializable: a concurrent change that ends the tokens of the rule sees this one, or is seen by `isAdmitting`.
      await database.transaction(async (tx) => {
        if (!(await isAdmitting(tx, trust_rule_id)))
          throw new ArsiaError('outside_token_untrusted', 'The trust rule was removed, or no longer admits tokens.');
        await tx.executeQuery(CompiledQuery.raw(artifactStatements.save, row));
      });
    },
    async saveOnce(artifact) {
      const rows = await database.statement('artifact_save_once', artifactStatements.saveOnce, await toRow(artifact));
      return rows.length === 1;
    },
    async replace(artifact, former) {
      const values = [...(await toRow(artifact)), hashToken(former)];
      return (await database.statement('artifact_replace', artifactStatements.replace, values)).length === 1;
    },
  };
}

function finding({ database, sealer }: Parts): Pick<ArtifactStore, 'find' | 'findPrincipal'> {
  return {
    async find(model, by, now) {
      const [name, text, key] = lookup(by);
      const [row] = await database.statement<FoundRow>(name, text, [model, hashToken(key), new Date(now)]);
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
        hashToken(id),
        new Date(now),
      ]);
      return rows.length === 1;
    },
    async isPolledTooOften(model, id, now, step) {
      const [row] = await database.statement<{ is_early: boolean }>('artifact_poll', artifactStatements.poll, [
        model,
        hashToken(id),
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
        .where('id_hash', '=', hashToken(id))
        .execute();
    },
    async revokeGrant(grantId) {
      await database.query.deleteFrom('oidc_artifacts').where('grant_hash', '=', hashToken(grantId)).execute();
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
  return text === undefined ? null : hashToken(text);
}
