/** Number and bytes of the entries in all maps of a cache. */
export interface Held {
  entries: number;
  bytes: number;
}

export interface FairCacheOptions {
  /** Bytes of all entries together. */
  maximumBytes: number;
  /** Bytes of the entries of one organisation. */
  shareBytes: number;
  /** Milliseconds from the start of the read of an entry until the entry is dropped. */
  maximumAge: number;
}

export interface Entry<Value> {
  readonly value: Value;
  /** Start of the read of the value, on the clock of `performance.now()`. */
  readonly since: number;
}

/** A map whose entries count towards the bounds of its cache. */
export interface FairMap<Value> {
  find(name: string): Entry<Value> | undefined;
  forget(name: string): void;
  /** Replaces the entry of this name. Does not keep an entry that is larger than the share of its organisation. */
  keep(name: string, entry: Entry<Value> & { organization_id: string; bytes: number }): void;
}

export interface FairCache {
  map<Value>(): FairMap<Value>;
  held(): Held;
}

interface KeptEntry {
  name: string;
  value: unknown;
  since: number;
  organization_id: string;
  bytes: number;
  home: Map<string, KeptEntry>;
}

interface Share {
  bytes: number;
  /** The oldest first. */
  entries: Set<KeptEntry>;
}

/** Bytes of an entry without its value: the object, and its slots in two tables. Measured as in core/heapsize.ts. */
const entryBytes = 220;
/** Milliseconds between two sweeps, while the cache has entries. */
const sweepInterval = 1_000;

/**
 * Creates a cache whose maps share limits in bytes and age. An organisation at its share loses its own oldest entry. At the
 * limit of the cache the organisation with most bytes loses its oldest entry. So no organisation evicts the entries of one that
 * uses less than an equal part of the cache.
 */
export function createFairCache({ maximumBytes, shareBytes, maximumAge }: FairCacheOptions): FairCache {
  const shares = new Map<string, Share>();
  let total = 0;
  let isSweeping = false;

  function drop(entry: KeptEntry): void {
    const share = shares.get(entry.organization_id)!;
    entry.home.delete(entry.name);
    share.entries.delete(entry);
    share.bytes -= entry.bytes;
    total -= entry.bytes;
    if (share.entries.size === 0) shares.delete(entry.organization_id);
  }

  function dropOldest(share: Share): void {
    const [oldest] = share.entries;
    drop(oldest!);
  }

  function findLargest(): Share {
    return [...shares.values()].reduce((most, share) => (share.bytes > most.bytes ? share : most));
  }

  function isOver(entry: KeptEntry, now: number): boolean {
    return now - entry.since >= maximumAge;
  }

  /** Drops entries beyond their age. A timer calls it, so that nothing stays when requests end. */
  function sweep(): void {
    const now = performance.now();
    for (const share of [...shares.values()])
      for (const entry of share.entries) {
        if (!isOver(entry, now)) break;
        drop(entry);
      }
    isSweeping = false;
    sweepLater();
  }

  function sweepLater(): void {
    if (isSweeping || total === 0) return;
    isSweeping = true;
    setTimeout(sweep, sweepInterval).unref();
  }

  function insert(entry: KeptEntry): void {
    const share = shares.get(entry.organization_id) ?? { bytes: 0, entries: new Set() };
    while (share.bytes + entry.bytes > shareBytes) dropOldest(share);
    while (total + entry.bytes > maximumBytes) dropOldest(findLargest());
    // Set again: a share that lost its last entry has been removed from the map.
    shares.set(entry.organization_id, share);
    share.entries.add(entry);
    share.bytes += entry.bytes;
    total += entry.bytes;
    entry.home.set(entry.name, entry);
    sweepLater();
  }

  return {
    map<Value>(): FairMap<Value> {
      const home = new Map<string, KeptEntry>();
      const forget = (name: string) => {
        const entry = home.get(name);
        if (entry !== undefined) drop(entry);
      };
      return {
        forget,
        find(name) {
          const entry = home.get(name);
          return entry !== undefined && !isOver(entry, performance.now())
            ? (entry as KeptEntry & Entry<Value>)
            : undefined;
        },
        keep(name, { organization_id, value, since, bytes }) {
          forget(name);
          const whole = bytes + entryBytes + 2 * name.length;
          if (whole <= Math.min(shareBytes, maximumBytes))
            insert({ name, value, since, organization_id, bytes: whole, home });
        },
      };
    },
    held: () => ({ bytes: total, entries: [...shares.values()].reduce((sum, share) => sum + share.entries.size, 0) }),
  };
}
