import pg from 'pg';
import { createBreaker, limitWait } from './breaker.ts';
import type { Connection, Connections } from './connections.ts';
import { endsSession, unavailable } from './failures.ts';
import { sessionName } from './sessions.ts';

export interface ServerOptions {
  url: string;
  poolSize: number;
  isPatient: boolean;
  onFault: (error: Error) => void;
}

/** Milliseconds. The server enforces the first three; `query_timeout` covers a server that no longer responds. */
const limits = {
  statement_timeout: 5_000,
  lock_timeout: 3_000,
  idle_in_transaction_session_timeout: 10_000,
  query_timeout: 7_000,
  connectionTimeoutMillis: 3_000,
  idleTimeoutMillis: 60_000,
} as const;

/** Milliseconds. Prepared statements are on the hot paths and normally take a few milliseconds. */
const preparedTimeout = 3_000;
/** Milliseconds that a caller waits for a new or free connection before it gets `unavailable`. */
const patience = 900;
/** Maximum number of callers that wait for a connection. */
const maximumWaiting = 2_000;

const int8 = 20;

/** Opens a pool of connections to PostgreSQL. Connects on first use. */
export function openServer({ url, poolSize, isPatient, onFault }: ServerOptions): Connections {
  const pool = new pg.Pool({
    connectionString: url,
    max: poolSize,
    application_name: sessionName,
    keepAlive: true,
    ...limits,
    // A search of one tenant must not occupy the cores that the mints of other tenants need.
    options: '-c max_parallel_workers_per_gather=0',
    ...(isPatient ? { statement_timeout: 0, query_timeout: 0 } : {}),
    types: { getTypeParser: getTypeParser as typeof pg.types.getTypeParser },
  });
  const breaker = createBreaker(onFault);
  // Without these two handlers an error of a connection would end the process: the pool's is for idle connections, the
  // client's for connections in use. The client reports both kinds (threats.md M12).
  pool.on('error', () => {});
  pool.on('connect', (client) => {
    breaker.connectionOpened();
    client.on('error', onFault);
  });
  pool.on('remove', () => breaker.connectionClosed());
  let ended: Promise<void> | undefined;
  return {
    kind: 'postgres',
    async connect() {
      if (ended !== undefined) throw unavailable('The database is closed.');
      if (pool.waitingCount >= maximumWaiting) throw unavailable('Too many requests are waiting for the database.');
      breaker.refuseWhileOpen();
      const connecting = breaker.watch(pool.connect());
      return createConnection(await limitWait(connecting, patience, (late) => late.release()));
    },
    end() {
      ended ??= pool.end();
      return ended;
    },
  };
}

function createConnection(client: pg.PoolClient): Connection {
  let isBroken = false;
  const watchSession = async <T>(result: Promise<T>): Promise<T> => {
    try {
      return await result;
    } catch (error) {
      // The next user of this connection would wait for the response that timed out here, or find the connection closed.
      if (endsSession(error)) isBroken = true;
      throw error;
    }
  };
  return {
    query: (text, values) => watchSession(client.query(text, [...values])) as Promise<never>,
    prepared: (name, text, values) =>
      watchSession(client.query(createPreparedQuery(name, text, values))) as Promise<never>,
    release: (destroy) => client.release(isBroken || destroy === true),
  };
}

/** pg accepts a timeout for each query, which its types do not have. */
function createPreparedQuery(name: string, text: string, values: readonly unknown[]): pg.QueryConfig {
  const query = { name, text, values: [...values], query_timeout: preparedTimeout };
  return query;
}

function getTypeParser(oid: number, format?: 'text' | 'binary'): unknown {
  return oid === int8 ? Number : pg.types.getTypeParser(oid, format as 'text');
}
