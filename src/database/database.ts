import { setTimeout as sleep } from 'node:timers/promises';
import { Kysely, PostgresDialect, type PostgresPool } from 'kysely';
import { createFairPlaces } from '../fairness/fairplaces.ts';
import { coalesce } from './coalesce.ts';
import type { Connection, Connections, Database } from './connections.ts';
import { openEmbedded } from './embedded.ts';
import { isConflict, isUniqueViolation, translateError, unavailable } from './failures.ts';
import { createNestingError, currentTransaction } from './nesting.ts';
import { openServer } from './server.ts';
import type { Tables } from './tables.ts';

export interface DatabaseOptions {
  /** URL of a PostgreSQL database. Without it the database is embedded, in `folder`. */
  url?: string;
  /** The folder of the embedded database. One process at a time can open it. */
  folder?: string;
  /** Called with faults outside a call: a lost connection, a server that became unreachable. */
  onFault?: (error: Error) => void;
  /** Embedded: called, possibly more than once, when another process may have opened the folder. The process must then end. */
  onLockLost?: ((error: Error) => void) | undefined;
  /** Maximum number of PostgreSQL connections; default 10. */
  poolSize?: number;
  /** True for migrations: statements have no timeout. */
  isPatient?: boolean;
}

/** Milliseconds for which a transaction is retried after serialization failures. */
const patience = 5_000;

/** Maximum milliseconds between two attempts. */
const longestPause = 250;

/** Transactions that are retried at the same time, at most one of each tenant. */
const retriesAtOnce = 4;

/** Transactions that wait to be retried. */
const waitingRetries = { maximumWaiting: 500, maximumWaitingPerTenant: 200 };

/** Opens the database. Does not connect to PostgreSQL: an unreachable server is `unavailable` on use, not a failed start. */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { url, folder, onFault = () => {}, onLockLost, poolSize = 10, isPatient = false } = options;
  if (url !== undefined) return createDatabase(openServer({ url, onFault, poolSize, isPatient }));
  if (folder === undefined) throw new TypeError('openDatabase needs `url` or `folder`');
  return createDatabase(await openEmbedded({ folder, onLockLost }));
}

export function createDatabase(connections: Connections): Database {
  const connect = () =>
    currentTransaction.getStore() === connections ? Promise.reject(createNestingError()) : connections.connect();
  const translated = () => connect().then(translateErrors, rethrow);
  const pool = { connect: translated, options: {} } as unknown as PostgresPool;
  const query = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  const prepared = async <Row>(name: string, text: string, values: readonly unknown[]) => {
    const connection = await translated();
    try {
      return await connection.prepared<Row>(name, text, values);
    } finally {
      connection.release();
    }
  };
  const now = coalesce<void, number>(
    async (asked) => {
      const { rows } = await prepared<{ now: Date }>('now', 'SELECT clock_timestamp() AS now', []);
      return asked.map(() => rows[0]!.now.getTime());
    },
    { maximumBatch: Number.POSITIVE_INFINITY, concurrency: 1 },
  );
  // PostgreSQL detects conflicts by page, and by table where a table is small, so that unrelated changes conflict too. Retries
  // that run concurrently would conflict with one another again until they give up; one at a time each succeeds. Transactions
  // of one tenant conflict most, so only those wait for one another (docs/decisions/0016).
  const retryPlaces = createFairPlaces({
    tasks: 'changes that conflicted with others',
    most: retriesAtOnce,
    mostPerTenant: 1,
    ...waitingRetries,
    patience,
  });
  return {
    kind: connections.kind,
    query,
    statement: async <Row>(name: string, text: string, values: readonly unknown[]) =>
      (await prepared<Row>(name, text, values)).rows,
    affected: async (name, text, values) => Number((await prepared(name, text, values)).rowCount),
    async transaction(work, { isolation = 'serializable', tenant = '' } = {}) {
      const attempt = () =>
        query
          .transaction()
          .setIsolationLevel(isolation)
          .execute((tx) => currentTransaction.run(connections, () => work(tx)));
      try {
        return await attempt();
      } catch (error) {
        if (!isConflict(error) && !isUniqueViolation(error)) throw error;
        return await retryPlaces(tenant, () => retry(attempt));
      }
    },
    now: () => now(),
    close: () => connections.end(),
  };
}

async function retry<T>(attempt: () => Promise<T>): Promise<T> {
  const begun = performance.now();
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      // The second attempt sees the row that the other transaction committed. A third violation is a bug.
      if (!isConflict(error) && !(isUniqueViolation(error) && tries < 3)) throw error;
      if (performance.now() - begun > patience)
        throw unavailable('Too many changes are in progress at the same time.', error);
      await sleep(Math.random() * Math.min(10 * 2 ** tries, longestPause));
    }
  }
}

function translateErrors(connection: Connection): Connection {
  return {
    query: (text, values) => connection.query<never>(text, values).catch(rethrow),
    prepared: (name, text, values) => connection.prepared<never>(name, text, values).catch(rethrow),
    release: (destroy) => connection.release(destroy),
  };
}

function rethrow(error: unknown): never {
  throw translateError(error);
}
