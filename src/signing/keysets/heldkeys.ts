import { ArsiaError } from '../../core/errors.ts';
import type { KeySetSnapshot, KeyState } from '../../core/keystates.ts';
import { toError } from '../../core/thrown.ts';
import type { SigningAlgorithm } from '../signers/signer.ts';
import type { KeyFreshness } from './freshness.ts';
import { type LoadedKeySet, loadKeySet, withoutRemoved } from './keyset.ts';
import type { KeyOpening } from './storedkeys.ts';

/** What the world may see of a key set. */
export interface PublishedKeys {
  version: number;
  /** The JWK Set as it is served, linted. */
  jwks: string;
  /** Strong entity tag of `jwks`, with its quotes. */
  etag: string;
  /** The signer first. Times in milliseconds since 1970. */
  keys: readonly {
    kid: string;
    alg: SigningAlgorithm;
    state: KeyState;
    published_at: number;
    activated_at: number | null;
    retired_at: number | null;
  }[];
}

/** The last good version of a key set in this replica's memory, replaced as a whole: signer and JWKS never disagree. */
export interface HeldKeys {
  /** Takes a stored set over; one that cannot be trusted is reported instead, and the last good one stays. */
  take(snapshot: KeySetSnapshot): Promise<void>;
  /** Undefined before the first good set. */
  loaded(): LoadedKeySet | undefined;
  /** Throws ArsiaError `unavailable` before the first good set. */
  required(): LoadedKeySet;
  /** Why the newest stored set was not taken over. */
  fault(): Error | undefined;
  /** The newest stored version that was looked at, taken over or refused; -1 before the first. */
  seen(): number;
  /** The stored version, heard of without its keys. */
  heard(version: number): void;
  onChange(listener: (keys: PublishedKeys) => void): () => void;
}

export function createHeldKeys(
  { keySet, onFault, ...opening }: KeyOpening & { keySet: string; onFault(fault: Error): void },
  freshness: KeyFreshness,
): HeldKeys {
  const listeners = new Set<(keys: PublishedKeys) => void>();
  let loaded: LoadedKeySet | undefined;
  let fault: Error | undefined;
  let seen = -1;

  function replace(next: LoadedKeySet): void {
    const isSame =
      next.version === loaded?.version && next.jwks.text === loaded.jwks.text && next.signer === loaded.signer;
    loaded = next;
    if (!isSame) tell(publishedOf(next));
  }

  /** A listener that throws is a fault of its own, not one of the keys. */
  function tell(keys: PublishedKeys): void {
    for (const listener of listeners) {
      try {
        listener(keys);
      } catch (thrown) {
        onFault(toError(thrown));
      }
    }
  }

  function refuse(refused: Error, snapshot: KeySetSnapshot): void {
    // Told once: the turns that follow find the same, and readiness shows it for as long as it lasts.
    if (fault?.message !== refused.message) onFault(refused);
    fault = refused;
    if (loaded === undefined) return;
    const isHeld = snapshot.keys.some(({ kid }) => loaded?.keys.some((key) => key.kid === kid));
    replace(withoutRemoved(loaded, snapshot.keys));
    // A revocation leaves a successor. Without any row, somebody else deleted the keys.
    if (isHeld) freshness.read();
    else if (snapshot.keys.length > 0) freshness.contradicted();
  }

  return {
    async take(snapshot) {
      try {
        const next = await loadKeySet(snapshot, loaded, keySet, opening);
        fault = undefined;
        replace(next);
        freshness.read();
      } catch (thrown) {
        refuse(thrown as Error, snapshot);
      }
      seen = Math.max(seen, snapshot.version);
    },
    loaded: () => loaded,
    required() {
      if (loaded === undefined) throw new ArsiaError('unavailable', `The ${keySet} keys are not loaded yet.`);
      return loaded;
    },
    fault: () => fault,
    seen: () => seen,
    heard(version) {
      if (version > seen) freshness.outdated();
      else if (version === seen) freshness.confirmed();
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

export function publishedOf({ version, jwks, keys }: LoadedKeySet): PublishedKeys {
  return {
    version,
    jwks: jwks.text,
    etag: jwks.etag,
    keys: keys.map(({ kid, alg, state, published_at, activated_at, retired_at }) => ({
      kid,
      alg,
      state,
      published_at,
      activated_at,
      retired_at,
    })),
  };
}
