import { ArsiaError } from '../../core/errors.ts';
import { jwksMaximumAge, jwksUnconfirmedAge, keyReadLimit } from '../../core/lifetimes.ts';

/**
 * Tracks the age of the keys that a replica holds, by a monotonic clock (docs/decisions/0025). A read that the store refuses
 * gives no information about the keys. A newer version in the store means that a key may have been revoked.
 */
export interface KeyFreshness {
  /** Records that the stored keys were read. Keys published since then exclude those that the store had removed. */
  read(): void;
  /** Records that the version in the store is the one that was read last. */
  confirmed(): void;
  /** Records that the store has a version that was not read. */
  outdated(): void;
  /** Records that the store has keys, but none of those that the replica holds. */
  contradicted(): void;
  /** Returns the fault when the keys were not read for 30 s; undefined otherwise. */
  fault(): string | undefined;
  /** Returns for how many seconds a cache may keep the JWKS. Throws ArsiaError `unavailable` when it must not be served. */
  cacheable(): number;
}

const second = 1000;
/** Seconds after which a client should request a withheld JWKS again. */
const retryAfter = 10;

export function createKeyFreshness(keySet: string, monotonic: () => number): KeyFreshness {
  let readAt = monotonic();
  let confirmedAt = readAt;
  let outdatedAt: number | undefined;
  let isContradicted = false;
  const since = (moment: number) => Math.floor((monotonic() - moment) / second);

  function withheld(): string | undefined {
    if (isContradicted) return `The database has none of the ${keySet} keys that this replica holds`;
    if (outdatedAt !== undefined && since(outdatedAt) >= keyReadLimit)
      return `The ${keySet} keys changed ${since(outdatedAt)} s ago and this replica cannot read them`;
    if (since(confirmedAt) >= jwksUnconfirmedAge)
      return `The ${keySet} keys were last confirmed by the database ${since(confirmedAt)} s ago`;
    return undefined;
  }

  return {
    read() {
      readAt = monotonic();
      confirmedAt = readAt;
      outdatedAt = undefined;
      isContradicted = false;
    },
    confirmed() {
      confirmedAt = monotonic();
      outdatedAt = undefined;
    },
    outdated() {
      outdatedAt ??= monotonic();
    },
    contradicted() {
      isContradicted = true;
    },
    fault() {
      const age = since(readAt);
      return age < keyReadLimit ? undefined : `the ${keySet} keys were last read ${age} s ago: see the log`;
    },
    cacheable() {
      const reason = withheld();
      if (reason !== undefined)
        throw new ArsiaError('unavailable', `${reason}: they may hold a revoked key.`, {
          advice: 'Ask another replica. /readyz of this one says why it is not ready.',
          retry_after: retryAfter,
        });
      return outdatedAt === undefined && since(confirmedAt) < keyReadLimit ? jwksMaximumAge : keyReadLimit;
    },
  };
}
