import { createHash } from 'node:crypto';
import { type Checkpoint, isCheckpoint } from '../../core/auditchain.ts';
import type { Clock } from '../../core/clock.ts';
import type { AuditKeys } from '../../signing/auditkeys.ts';
import type { AuditChainStore, MakeCheckpoint } from '../../store/audit/chain.ts';

/** Covers the audit with signed checkpoints (docs/decisions/0006). Any number of replicas may do so at once. */
export interface AuditChain {
  /**
   * A checkpoint over what was recorded since the newest one, if there is something and the newest is not that young.
   * `force` asks for one whatever its age.
   */
  seal(options?: { force?: boolean }): Promise<void>;
  newest(): Promise<KeptCheckpoint | undefined>;
}

/** What leaves the database, to be kept where nobody who alters the database can alter it too. */
export interface KeptCheckpoint extends Checkpoint {
  /** The same as a compact JWS (RFC 7515 3.1): what `arsia server audit verify --checkpoint` holds against the database. */
  signed: string;
  /** For those who check the signature by themselves (RFC 8037). */
  public_key: Readonly<Record<string, unknown>>;
}

export interface AuditChainParts {
  store: AuditChainStore;
  keys: AuditKeys;
  clock: Clock;
  /** Seconds that an event waits for its checkpoint, about. */
  interval: number;
  log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
}

/** Milliseconds that a round waits for the transactions under way; the next round tries again. */
const patience = 5_000;
/** Positions of one stretch at most: what a checkpoint reads and lists stays small. */
const longest = 10_000;

export function createAuditChain(parts: AuditChainParts): AuditChain {
  const { store, keys, clock, interval, log } = parts;
  let underWay: Promise<void> | undefined;
  /** Since when rounds end with events that no checkpoint covers; milliseconds of `clock`. */
  let behindSince: number | undefined;

  async function runRound(force: boolean): Promise<void> {
    const stored = await store.newest();
    const newest = stored && openNewest(keys, stored.signed);
    if (!force && newest !== undefined && isYoung(newest)) return;
    const last = await store.lastPosition();
    if (last <= (newest?.upto ?? 0)) return;
    if (!(await store.settle(patience))) {
      log.warn({}, 'a transaction that writes audit events does not end: no checkpoint covers them yet');
      return;
    }
    while (await store.append(buildCheckpointUpTo(last)));
    await warnIfBehind(last);
  }

  /** Whoever holds the lock is another replica at work, or somebody who wants events without checkpoints: then say so. */
  async function warnIfBehind(last: number): Promise<void> {
    const stored = await store.newest();
    const isBehind = last > (stored === undefined ? 0 : openNewest(keys, stored.signed).upto);
    behindSince = isBehind ? (behindSince ?? clock.now()) : undefined;
    if (behindSince !== undefined && clock.now() - behindSince >= interval * 1000)
      log.warn(
        { since: new Date(behindSince).toISOString() },
        'somebody keeps the lock of the audit: no checkpoint covers its events',
      );
  }

  /** Two rounds of every replica fall into an interval; a clock that is ahead must not stop the others. */
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
      // The log goes elsewhere: its lines alone tell later that the newest checkpoints were cut off.
      log.info({ checkpoint: checkpoint.number, upto, sha256: sha256(signed) }, 'audit checkpoint');
      return { number: checkpoint.number, signed, event_ids };
    };
  }

  return {
    async seal({ force = false } = {}) {
      // A round that waits longer than the timer is not joined by a second one.
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

/** The checkpoint in a JWS; undefined when it is not one of this installation. */
export function openCheckpoint(keys: AuditKeys, signed: string): Checkpoint | undefined {
  const payload = keys.open(signed);
  return isCheckpoint(payload) ? payload : undefined;
}

/** No checkpoint is set upon one that others made: it would look as if Arsia vouched for it. */
function openNewest(keys: AuditKeys, signed: string): Checkpoint {
  const checkpoint = openCheckpoint(keys, signed);
  if (checkpoint === undefined)
    throw new Error('The newest audit checkpoint is not signed by this installation: run `arsia server audit verify`.');
  return checkpoint;
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
