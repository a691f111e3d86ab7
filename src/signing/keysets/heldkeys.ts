import { ArsiaError } from '../../core/errors.ts';
import type { KeySetSnapshot, KeyState } from '../../core/keystates.ts';
import { toError } from '../../core/thrown.ts';
import type { SigningAlgorithm } from '../signers/signer.ts';
import type { KeyFreshness } from './freshness.ts';
import { type LoadedKeySet, loadKeySet, withoutRemoved } from './keyset.ts';
import type { KeyOpening } from './storedkeys.ts';

/** The public part of a key set. */
export interface PublishedKeys {
  version: number;
  /** The linted JWK Set, as it is served. */
  jwks: string;
  /** Strong entity tag of `jwks`, with quotes. */
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

/** The last valid version of a key set, in memory. It is replaced as a whole, so that signer and JWKS always agree. */
export interface HeldKeys {
  /** Replaces the held set by a stored one. A set that cannot be trusted is reported, and the last valid one stays. */
  take(snapshot: KeySetSnapshot): Promise<void>;
  /** Returns the held set; undefined before the first valid one. */
  loaded(): LoadedKeySet | undefined;
  /** Returns the held set. Throws ArsiaError `unavailable` before the first valid one. */
  required(): LoadedKeySet;
  /** Returns why the newest stored set was refused; undefined where it is held. */
  fault(): Error | undefined;
  /** Returns the newest stored version that was examined, held or refused; -1 before the first. */
  seen(): number;
  /** Records the stored version where the keys were not read. */
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
    if (!isSame) notify(toPublished(next));
  }

  /** Calls the listeners. An exception of a listener is reported, and is not a fault of the keys. */
  function notify(keys: PublishedKeys): void {
    for (const listener of listeners) {
      try {
        listener(keys);
      } catch (thrown) {
        onFault(toError(thrown));
      }
    }
  }

  function refuse(refused: Error, snapshot: KeySetSnapshot): void {
    // Reported once: later reads find the same fault, and readiness shows it while it lasts.
    if (fault?.message !== refused.message) onFault(refused);
    fault = refused;
    if (loaded === undefined) return;
    const isHeld = snapshot.keys.some(({ kid }) => loaded?.keys.some((key) => key.kid === kid));
    replace(withoutRemoved(loaded, snapshot.keys));
    // A revocation leaves a successor. A set without any row was deleted by something other than Arsia.
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

export function toPublished({ version, jwks, keys }: LoadedKeySet): PublishedKeys {
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
