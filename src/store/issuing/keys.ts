import { type Selectable, sql } from 'kysely';
import type { KeyChange, KeyChangeReason, KeySetSnapshot, KeyStore, StoredKey } from '../../core/keystates.ts';
import type { Database, Queries } from '../../database/connections.ts';
import type { Tables } from '../../database/tables.ts';

/** Writes the audit record of a change, in the same transaction. */
export type RecordKeyChanges = (
  tx: Queries,
  keySet: string,
  reason: KeyChangeReason,
  changes: readonly KeyChange[],
) => Promise<void>;

/** Creates the store of signing keys. Replicas that change the same key set take turns on a lock of its row. */
export function createKeyStore(database: Database, record: RecordKeyChanges): KeyStore {
  return {
    async load(keySet) {
      // One statement, so that version and keys are consistent.
      const rows = await database.query
        .selectFrom('key_sets')
        .leftJoin('signing_keys', 'signing_keys.key_set', 'key_sets.name')
        .selectAll('signing_keys')
        .select('key_sets.version')
        .where('key_sets.name', '=', keySet)
        .orderBy('signing_keys.kid')
        .execute();
      if (rows[0] === undefined) throw unknownKeySet(keySet);
      const keys = rows.filter((row): row is typeof row & KeyRow => row.kid !== null);
      return { version: rows[0].version, keys: keys.map(asStoredKey) };
    },

    async version(keySet) {
      const set = await database.query
        .selectFrom('key_sets')
        .select('version')
        .where('name', '=', keySet)
        .executeTakeFirst();
      if (set === undefined) throw unknownKeySet(keySet);
      return set.version;
    },

    // READ COMMITTED: a replica that waited for the row lock reads what the previous one committed. Of several replicas that
    // rotate at once one makes a key, and the others find that nothing is due.
    change: (keySet, reason, plan) =>
      database.transaction(
        (tx) => changeUnderLock(tx, keySet, plan, (changes) => record(tx, keySet, reason, changes)),
        { isolation: 'read committed' },
      ),
  };
}

type KeyRow = Selectable<Tables['signing_keys']>;

async function changeUnderLock(
  tx: Queries,
  keySet: string,
  plan: (keys: StoredKey[]) => Promise<KeyChange[]>,
  record: (changes: readonly KeyChange[]) => Promise<void>,
): Promise<KeySetSnapshot> {
  // Longer than usual: the holder of the lock, and this plan, may be generating RSA keys.
  await sql`SET LOCAL lock_timeout = '6s'; SET LOCAL statement_timeout = '6s';
    SET LOCAL idle_in_transaction_session_timeout = '60s'`.execute(tx);
  const set = await tx
    .selectFrom('key_sets')
    .select('version')
    .where('name', '=', keySet)
    .forUpdate()
    .executeTakeFirst();
  if (set === undefined) throw unknownKeySet(keySet);
  const changes = await plan(await readKeys(tx, keySet));
  if (changes.length === 0) return { version: set.version, keys: await readKeys(tx, keySet) };
  for (const change of changes.toSorted((left, right) => order.indexOf(left.do) - order.indexOf(right.do)))
    await apply(tx, keySet, change);
  await record(changes);
  const version = set.version + 1;
  await tx.updateTable('key_sets').set({ version }).where('name', '=', keySet).execute();
  return { version, keys: await readKeys(tx, keySet) };
}

/** In this order a key set never has two active or two next keys, which unique indexes of the table refuse. */
const order: KeyChange['do'][] = ['remove', 'retire', 'activate', 'insert'];

async function apply(tx: Queries, keySet: string, change: KeyChange): Promise<void> {
  if (change.do === 'insert') {
    await tx
      .insertInto('signing_keys')
      .values({ ...asRow(change.key), key_set: keySet })
      .execute();
    return;
  }
  const { rows } = await buildStatement(keySet, change).execute(tx);
  if (rows.length !== 1)
    throw new Error(`The key ${change.kid} of ${keySet} is not in a state in which ${change.do} is possible.`);
}

function buildStatement(keySet: string, change: Exclude<KeyChange, { do: 'insert' }>) {
  const here = sql`WHERE kid = ${change.kid} AND key_set = ${keySet}`;
  if (change.do === 'remove') return sql`DELETE FROM signing_keys ${here} RETURNING kid`;
  const at = new Date(change.at);
  if (change.do === 'activate')
    return sql`UPDATE signing_keys SET state = 'active', activated_at = ${at} ${here} AND state = 'next' RETURNING kid`;
  return sql`UPDATE signing_keys SET state = 'retiring', retired_at = ${at} ${here} AND state = 'active' RETURNING kid`;
}

async function readKeys(tx: Queries, keySet: string): Promise<StoredKey[]> {
  const rows = await tx.selectFrom('signing_keys').selectAll().where('key_set', '=', keySet).orderBy('kid').execute();
  return rows.map(asStoredKey);
}

function asStoredKey(row: KeyRow): StoredKey {
  return {
    kid: row.kid,
    state: row.state,
    alg: row.alg,
    public_jwk: row.public_jwk,
    sealed_private: row.sealed_private,
    published_at: row.published_at.getTime(),
    activated_at: row.activated_at?.getTime() ?? null,
    retired_at: row.retired_at?.getTime() ?? null,
  };
}

function asRow(key: StoredKey): Omit<KeyRow, 'key_set'> {
  return {
    ...key,
    published_at: new Date(key.published_at),
    activated_at: key.activated_at === null ? null : new Date(key.activated_at),
    retired_at: key.retired_at === null ? null : new Date(key.retired_at),
  };
}

function unknownKeySet(keySet: string): Error {
  return new Error(`There is no key set ${keySet}.`);
}
