import type { JWK } from 'jose';
import type { Clock } from '../core/clock.ts';

/** The policy by which a cloud caches the keys of issuers. */
export interface CachePolicy {
  /** Seconds for which fetched keys are used. */
  lifetime: number;
  /** True when this cloud fetches again for an unknown `kid`. */
  refetchesUnknownKey: boolean;
  /** Returns the published keys that this cloud accepts, by `kid`. Throws IssuerUnreachable when it refuses the set. */
  select(keys: readonly JWK[]): Map<string, JWK>;
}

export interface KeyCache {
  /** Returns a key, or undefined when the cached set does not have it. Throws IssuerUnreachable. */
  find(issuer: string, kid: string): Promise<JWK | undefined>;
}

interface Entry {
  keys: Map<string, JWK>;
  /** Milliseconds since 1970. */
  fetched_at: number;
}

/** Creates a cache. Concurrent requests for one issuer share a fetch. A failed fetch is not cached. */
export function makeKeyCache(
  policy: CachePolicy,
  clock: Clock,
  fetchKeys: (issuer: string) => Promise<JWK[]>,
): KeyCache {
  const entries = new Map<string, Entry>();
  const running = new Map<string, Promise<Entry>>();

  function refresh(issuer: string): Promise<Entry> {
    const shared = running.get(issuer);
    if (shared) return shared;
    const started = load(issuer).finally(() => running.delete(issuer));
    running.set(issuer, started);
    return started;
  }

  async function load(issuer: string): Promise<Entry> {
    const entry = { keys: policy.select(await fetchKeys(issuer)), fetched_at: clock.now() };
    entries.set(issuer, entry);
    return entry;
  }

  return {
    async find(issuer, kid) {
      const kept = entries.get(issuer);
      const isFresh = kept !== undefined && clock.now() - kept.fetched_at < policy.lifetime * 1000;
      const entry = isFresh ? kept : await refresh(issuer);
      const key = entry.keys.get(kid);
      if (key || !isFresh || !policy.refetchesUnknownKey) return key;
      return (await refresh(issuer)).keys.get(kid);
    },
  };
}

/** Indexes keys by `kid`. The last of several keys with one `kid` counts. */
export function indexByKeyId(keys: readonly JWK[]): Map<string, JWK> {
  return new Map(keys.filter((key) => typeof key.kid === 'string').map((key) => [key.kid as string, key]));
}
