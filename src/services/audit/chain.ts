import { createHash } from 'node:crypto';
import { type Checkpoint, isCheckpoint } from '../../core/auditchain.ts';
import type { Clock } from '../../core/clock.ts';
import type { AuditKeys } from '../../signing/auditkeys.ts';
import type { AuditChainStore, MakeCheckpoint } from '../../store/audit/chain.ts';

/** Covers the audit with signed checkpoints (docs/decisions/0006). Replicas may do so concurrently. */
export interface AuditChain {
  /**
   * Appends a checkpoint over the events since the newest one, if there are any and the newest is not too young.
   * `force` ignores its age.
   */
  seal(options?: { force?: boolean }): Promise<void>;
  newest(): Promise<KeptCheckpoint | undefined>;
}

/** A checkpoint as it is exported, to be kept where an attacker who can alter the database cannot alter it. */
export interface KeptCheckpoint extends Checkpoint {
  /**
   * The checkpoint as a compact JWS (RFC 7515 3.1), which `arsia server audit verify --checkpoint` compares with the
   * database.
   */
  signed: string;
  /** The public key as a JWK, to verify the signature without Arsia (RFC 8037). */
  public_key: Readonly<Record<string, unknown>>;
}

export interface AuditChainParts {
  store: AuditChainStore;
  keys: AuditKeys;
  clock: Clock;
  /** Seconds that an event waits for its checkpoint, approximately. */
  interval: number;
  log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
}

/** Milliseconds that a round waits for running transactions; the next round tries again. */
const patience = 5_000;
/** Positions that one checkpoint covers at most: this bounds what it reads and lists. */
const longest = 10_000;

export function createAuditChain(parts: AuditChainParts): AuditChain {
  const { store, keys, clock, interval, log } = parts;
  let underWay: Promise<void> | undefined;
  /** The time since which rounds leave events without a checkpoint; milliseconds of `clock`. */
  let behindSince: number | undefined;

  async function runRound(force: boolean): Promise<void> {
    const stored = await store.newest();
    const newest = stored && openNewest(keys, stored.signed);
    if (!force && newest !== undefined && isYoung(newest)) return;
    const last = await store.lastPosition();
    if (last <= (newest?.upto ?? 0)) return;
    if (!(await store.settle(patience))) {
      log.warn({}, 'a transaction that writes audit events does not end, so no checkpoint covers them yet');
      return;
    }
    while (await store.append(buildCheckpointUpTo(last)));
    await warnIfBehind(last);
  }

  /**
   * Warns when events stay without a checkpoint for an interval: another replica may hold the lock for a moment, but a
   * lock that is kept blocks the checkpoints.
   */
  async function warnIfBehind(last: number): Promise<void> {
    const stored = await store.newest();
    const isBehind = last > (stored === undefined ? 0 : openNewest(keys, stored.signed).upto);
    behindSince = isBehind ? (behindSince ?? clock.now()) : undefined;
    if (behindSince !== undefined && clock.now() - behindSince >= interval * 1000)
      log.warn(
        { since: new Date(behindSince).toISOString() },
        'another session keeps the lock of the audit, so no checkpoint covers new events',
      );
  }

  /**
   * Every replica runs two rounds in an interval. A checkpoint from the future, of a replica whose clock is ahead, does
   * not count as young: it must not stop the others.
   */
  function isYoung({ at }: Checkpoint): boolean {
    const age = clock.now() - Date.parse(at);
    return age >= 0 && age < (interval * 1000) / 2;
  }

  function buildCheckpointUpTo(last: number): MakeCheckpoint {
    return async ({ newest: stored, lastBeforeChain, stretch }) => {
      const newest = stored && openNewest(keys, stored.signed);
      const after = newest?.upto ?? (await lastBeforeChain());
      if (after >= last) return undefined;
      const upto = Math.min(last, after + longest);
      const { count, digest, event_ids } = await stretch(after, upto);
      const checkpoint: Checkpoint = {
        number: (newest?.number ?? 0) + 1,
        previous: stored === undefined ? null : sha256(stored.signed),
        at: new Date(clock.now()).toISOString(),
        after,
        upto,
        count,
        digest,
        event_ids: sha256(event_ids),
      };
      const signed = keys.sign(checkpoint);
      // The log is kept outside the database, so its lines show later if the newest checkpoints were deleted.
      log.info({ checkpoint: checkpoint.number, upto, sha256: sha256(signed) }, 'audit checkpoint');
      return { number: checkpoint.number, signed, event_ids };
    };
  }

  return {
    async seal({ force = false } = {}) {
      // A timer that fires while a round runs starts no second one.
      if (underWay !== undefined && !force) return await underWay;
      await underWay?.catch(() => {});
      underWay = runRound(force).finally(() => {
        underWay = undefined;
      });
      await underWay;
    },
    async newest() {
      const stored = await store.newest();
      if (stored === undefined) return undefined;
      const { signed } = stored;
      return { ...openNewest(keys, signed), signed, public_key: keys.publicKey() };
    },
  };
}

/** Returns the checkpoint in a JWS; undefined unless this installation signed it. */
export function openCheckpoint(keys: AuditKeys, signed: string): Checkpoint | undefined {
  const payload = keys.open(signed);
  return isCheckpoint(payload) ? payload : undefined;
}

/** Throws unless this installation signed the newest checkpoint: a checkpoint after a forged one would confirm it. */
function openNewest(keys: AuditKeys, signed: string): Checkpoint {
  const checkpoint = openCheckpoint(keys, signed);
  if (checkpoint === undefined)
    throw new Error('The newest audit checkpoint is not signed by this installation: run `arsia server audit verify`.');
  return checkpoint;
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
