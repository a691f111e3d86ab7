import { setTimeout as sleep } from 'node:timers/promises';
import { Kysely, PostgresDialect, type PostgresPool } from 'kysely';
import { createFairPlaces } from '../fairness/fairplaces.ts';
import { coalesce } from './coalesce.ts';
import type { Connection, Connections, Database } from './connections.ts';
import { openEmbedded } from './embedded.ts';
import { isConflict, isUniqueViolation, translate, unavailable } from './failures.ts';
import { nested, transactionOf } from './nesting.ts';
import { openServer } from './server.ts';
import type { Tables } from './tables.ts';

export interface DatabaseOptions {
  /** PostgreSQL connection URL. Without it the database is embedded, in `folder`. */
  url?: string;
  /** The folder of the embedded database; one process at a time holds it. */
  folder?: string;
  /** Told of what breaks in the background: a lost connection, a server that went away. */
  onFault?: (error: Error) => void;
  /** Embedded: called when another process may have opened the folder, perhaps more than once. This one must end at once. */
  onLockLost?: ((error: Error) => void) | undefined;
  /** PostgreSQL connections at most (default 10). */
  poolSize?: number;
  /** For migrations: statements take as long as they need. */
  isPatient?: boolean;
}

/** Milliseconds for which a change that loses against others is tried again, and between two tries at most. */
const patience = 5_000;

const longestPause = 250;

/** Transactions that lost and are tried again at the same time, one of a tenant, and those that wait for that. */
const retriesAtOnce = 4;

const maximumLosers = { maximumWaiting: 500, maximumWaitingPerTenant: 200 };

/** Opens without a connection to PostgreSQL: a server that is away is `unavailable` on use, not a failed start. */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { url, folder, onFault = () => {}, onLockLost, poolSize = 10, isPatient = false } = options;
  if (url !== undefined) return databaseOver(openServer({ url, onFault, poolSize, isPatient }));
  if (folder === undefined) throw new TypeError('openDatabase needs a url or a folder');
  return databaseOver(await openEmbedded({ folder, onLockLost }));
}

export function databaseOver(connections: Connections): Database {
  const connect = () => (transactionOf.getStore() === connections ? Promise.reject(nested()) : connections.connect());
  const translated = () => connect().then(translatedConnection, rethrow);
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
  // PostgreSQL watches pages, and whole tables where they are small: changes of different things conflict as well. Side by
  // side those that lost would lose to one another again, until they give up; one at a time each gets through. Those of one
  // tenant conflict most, so only they wait for one another (docs/decisions/0016).
  const turn = createFairPlaces({
    of: 'changes that lost against others',
    most: retriesAtOnce,
    mostPerTenant: 1,
    ...maximumLosers,
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
          .execute((tx) => transactionOf.run(connections, () => work(tx)));
      try {
        return await attempt();
      } catch (error) {
        if (!isConflict(error) && !isUniqueViolation(error)) throw error;
        return await turn(tenant, () => retried(attempt));
      }
    },
    now: () => now(),
    close: () => connections.end(),
  };
}

async function retried<T>(attempt: () => Promise<T>): Promise<T> {
  const begun = performance.now();
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      // The second try sees what another transaction took. A third violation is a fault in the code.
      if (!isConflict(error) && !(isUniqueViolation(error) && tries < 3)) throw error;
      if (performance.now() - begun > patience) throw unavailable('Too many changes are made at the same time.', error);
      await sleep(Math.random() * Math.min(10 * 2 ** tries, longestPause));
    }
  }
}

function translatedConnection(connection: Connection): Connection {
  return {
    query: (text, values) => connection.query<never>(text, values).catch(rethrow),
    prepared: (name, text, values) => connection.prepared<never>(name, text, values).catch(rethrow),
    release: (destroy) => connection.release(destroy),
  };
}

function rethrow(error: unknown): never {
  throw translate(error);
}
