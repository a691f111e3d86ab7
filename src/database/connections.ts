import type { Kysely, PostgresQueryResult } from 'kysely';
import type { Tables } from './tables.ts';

/** The connections of a driver. server.ts and embedded.ts implement it. */
export interface Connections {
  kind: Database['kind'];
  connect(): Promise<Connection>;
  end(): Promise<void>;
}

export interface Connection {
  /** Runs a statement; without values also several statements in one text, as migrations have them. */
  query<Row>(text: string, values: readonly unknown[]): Promise<PostgresQueryResult<Row>>;
  /** Runs a prepared statement. A name must always have the same text. */
  prepared<Row>(name: string, text: string, values: readonly unknown[]): Promise<PostgresQueryResult<Row>>;
  release(destroy?: boolean): void;
}

/** The query builder of the database or of a transaction. */
export type Queries = Kysely<Tables>;

/**
 * The database, embedded or PostgreSQL. With both, timestamptz is a Date, bytea a Uint8Array, int8 a number, jsonb a parsed
 * value (pass objects) and text[] an array of strings. Every method throws ArsiaError `unavailable` when the database cannot
 * be used (failures.ts), and the error of the driver, with its SQLSTATE as `code`, when the database refuses a statement.
 */
export interface Database {
  kind: 'embedded' | 'postgres';
  /** Builds and runs single statements, each in a transaction of its own. */
  query: Queries;
  /**
   * Runs `work` in a SERIALIZABLE transaction. After a serialization failure it runs again, for up to 5 s and one transaction
   * per tenant at a time: `work` may run more than once and must have no effect outside the transaction. `isolation: 'read
   * committed'` is for work that takes a row lock first and then reads what the previous holder committed.
   */
  transaction<T>(work: (tx: Queries) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Runs a statement of a hot path, which PostgreSQL prepares once per connection under `name`. */
  statement<Row>(name: string, text: string, values: readonly unknown[]): Promise<Row[]>;
  /** Runs a prepared statement that changes rows, and returns their number. */
  affected(name: string, text: string, values: readonly unknown[]): Promise<number>;
  /**
   * Returns the time of the database, in milliseconds since 1970. Concurrent calls share one query: the readiness check needs
   * no authentication, and its callers must not occupy the connections that mints need.
   */
  now(): Promise<number>;
  close(): Promise<void>;
}

export interface TransactionOptions {
  isolation?: 'serializable' | 'read committed';
  /** The tenant of the change, such as the id of an organisation. A retry does not wait for retries of other tenants. */
  tenant?: string;
}
