import type { KeyChange, KeyChangeReason, KeySetSnapshot, KeyStore, StoredKey } from '../../src/core/keystates.ts';
import { createMutex } from '../../src/signing/keysets/mutex.ts';

interface Row extends Omit<StoredKey, 'sealed_private'> {
  key_set: string;
  sealed_private: string;
}

/**
 * A key store as the database is one: rows as text, `jsonb` with its own order of members, one change of a set at a time,
 * unique kids, one active and one next key checked after every statement, all or nothing.
 */
export class MemoryKeyStore implements KeyStore {
  #rows: string[] = [];
  #versions: Record<string, number> = { workload: 0, authorization: 0 };
  readonly #locks = { workload: createMutex(), authorization: createMutex() } as Record<
    string,
    ReturnType<typeof createMutex>
  >;
  loads = 0;
  changes = 0;
  inserted = 0;
  /** The database is away. */
  isDown = false;
  /** The database answers, and refuses to give the keys; their version it tells. */
  isForbidden = false;
  /** Called between the plan and the commit of each change. */
  beforeCommit: (() => void | Promise<void>) | undefined;

  async load(keySet: string): Promise<KeySetSnapshot> {
    this.loads += 1;
    const snapshot = this.#snapshot(keySet);
    await pause();
    if (this.isDown) throw new Error('the database is away');
    if (this.isForbidden) throw new Error('permission denied for table signing_keys');
    return snapshot;
  }

  async version(keySet: string): Promise<number> {
    await pause();
    if (this.isDown) throw new Error('the database is away');
    return this.#versions[keySet]!;
  }

  change(
    keySet: string,
    _reason: KeyChangeReason,
    plan: (keys: StoredKey[]) => Promise<KeyChange[]>,
  ): Promise<KeySetSnapshot> {
    return this.#locks[keySet]!(async () => {
      this.changes += 1;
      await pause();
      if (this.isDown) throw new Error('the database is away');
      const changes = await plan(this.#snapshot(keySet).keys);
      const draft = this.#rows.map((text) => JSON.parse(text) as Row);
      for (const change of changes) apply(draft, change, keySet);
      await this.beforeCommit?.();
      this.#rows = draft.map((row) => JSON.stringify(row));
      this.inserted += changes.filter((change) => change.do === 'insert').length;
      if (changes.length > 0) this.#versions[keySet]! += 1;
      return this.#snapshot(keySet);
    });
  }

  /** Somebody with a database client: alters rows behind Arsia's back; `bump` moves the version as Arsia would. */
  tamper(alter: (rows: Row[]) => Row[] | undefined, { bump = false, keySet = 'workload' } = {}): void {
    const rows = this.#rows.map((text) => JSON.parse(text) as Row);
    this.#rows = (alter(rows) ?? rows).map((row) => JSON.stringify(row));
    if (bump) this.#versions[keySet]! += 1;
  }

  /** A backup, and the way back to it. */
  backup(): () => void {
    const rows = this.#rows;
    const versions = { ...this.#versions };
    return () => {
      this.#rows = rows;
      this.#versions = { ...versions };
    };
  }

  #snapshot(keySet: string): KeySetSnapshot {
    const rows = this.#rows.map((text) => JSON.parse(text) as Row).filter((row) => row.key_set === keySet);
    const keys = rows.map(({ key_set: _, ...row }) => ({
      ...row,
      sealed_private: new Uint8Array(Buffer.from(row.sealed_private, 'base64')),
    }));
    return { version: this.#versions[keySet]!, keys };
  }
}

function apply(rows: Row[], change: KeyChange, keySet: string): void {
  const place = rows.findIndex((row) => row.kid === (change.do === 'insert' ? change.key.kid : change.kid));
  if (change.do === 'insert') {
    if (place >= 0) throw new Error('duplicate key value violates unique constraint');
    const { sealed_private, public_jwk, ...key } = change.key;
    const sealed = Buffer.from(sealed_private).toString('base64');
    rows.push({ ...key, key_set: keySet, public_jwk: asJsonb(public_jwk), sealed_private: sealed });
  } else {
    if (place < 0) throw new Error('no such row');
    const row = rows[place]!;
    if (change.do === 'remove') rows.splice(place, 1);
    if (change.do === 'activate') rows[place] = { ...row, state: 'active', activated_at: change.at };
    if (change.do === 'retire') rows[place] = { ...row, state: 'retiring', retired_at: change.at };
  }
  for (const state of ['active', 'next']) {
    if (rows.filter((row) => row.key_set === keySet && row.state === state).length > 1)
      throw new Error(`signing_keys_one_${state} is violated`);
  }
}

/** PostgreSQL keeps the members of `jsonb` by length of the name, then by its bytes. */
function asJsonb(value: Record<string, unknown>): Record<string, unknown> {
  const order = ([left]: [string, unknown], [right]: [string, unknown]) =>
    left.length - right.length || (left < right ? -1 : 1);
  return Object.fromEntries(Object.entries(value).sort(order));
}

function pause(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
