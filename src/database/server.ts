import pg from 'pg';
import { createBreaker, within } from './breaker.ts';
import type { Connection, Connections } from './connections.ts';
import { endsSession, unavailable } from './failures.ts';

export interface ServerOptions {
  url: string;
  poolSize: number;
  isPatient: boolean;
  onFault: (error: Error) => void;
}

/** Milliseconds. The server ends what takes too long; the read timeout is for a server that no longer says anything. */
const limits = {
  statement_timeout: 5_000,
  lock_timeout: 3_000,
  idle_in_transaction_session_timeout: 10_000,
  query_timeout: 7_000,
  connectionTimeoutMillis: 3_000,
  idleTimeoutMillis: 60_000,
} as const;

/** Statements of the hot paths answer in milliseconds or not at all. */
const preparedTimeout = 3_000;
/** How long a caller waits for a connection, new or free, before it is told `unavailable`. */
const patience = 900;
/** Callers that wait for a free connection, at most. */
const maximumWaiting = 2_000;

const int8 = 20;

/** PostgreSQL through a pool of connections. */
export function openServer({ url, poolSize, isPatient, onFault }: ServerOptions): Connections {
  const pool = new pg.Pool({
    connectionString: url,
    max: poolSize,
    application_name: 'arsia',
    keepAlive: true,
    ...limits,
    // A search of one tenant must not take the cores that the mints of others need.
    options: '-c max_parallel_workers_per_gather=0',
    ...(isPatient ? { statement_timeout: 0, query_timeout: 0 } : {}),
    types: { getTypeParser: typeParser as typeof pg.types.getTypeParser },
  });
  const breaker = createBreaker(onFault);
  // Without these two handlers a connection that the server ends ends the process: the pool's is for idle connections, the
  // client's for those in use, and it hears of both (threats.md M12).
  pool.on('error', () => {});
  pool.on('connect', (client) => {
    breaker.gained();
    client.on('error', onFault);
  });
  pool.on('remove', () => breaker.lost());
  let ended: Promise<void> | undefined;
  return {
    kind: 'postgres',
    async connect() {
      if (ended !== undefined) throw unavailable('The database is closed.');
      if (pool.waitingCount >= maximumWaiting) throw unavailable('Too many requests wait for the database.');
      breaker.refuseWhileOpen();
      const connecting = breaker.watch(pool.connect());
      return connectionTo(await within(connecting, patience, (late) => late.release()));
    },
    end() {
      ended ??= pool.end();
      return ended;
    },
  };
}

function connectionTo(client: pg.PoolClient): Connection {
  let isBroken = false;
  const noted = async <T>(result: Promise<T>): Promise<T> => {
    try {
      return await result;
    } catch (error) {
      // The next user of this connection would wait for the answer that we gave up on, or be the one to find it closed.
      if (endsSession(error)) isBroken = true;
      throw error;
    }
  };
  return {
    query: (text, values) => noted(client.query(text, [...values])) as Promise<never>,
    prepared: (name, text, values) => noted(client.query(preparedQuery(name, text, values))) as Promise<never>,
    release: (destroy) => client.release(isBroken || destroy === true),
  };
}

/** pg takes a timeout of its own for each query, which its types leave out. */
function preparedQuery(name: string, text: string, values: readonly unknown[]): pg.QueryConfig {
  const query = { name, text, values: [...values], query_timeout: preparedTimeout };
  return query;
}

function typeParser(oid: number, format?: 'text' | 'binary'): unknown {
  return oid === int8 ? Number : pg.types.getTypeParser(oid, format as 'text');
}
