import type { Kysely, PostgresQueryResult } from 'kysely';
import type { Tables } from './tables.ts';

/** What the door needs of a driver; server.ts and embedded.ts make one each. */
export interface Connections {
  kind: Database['kind'];
  connect(): Promise<Connection>;
  end(): Promise<void>;
}

export interface Connection {
  /** Several statements at once where there are no values, as migrations have them. */
  query<Row>(text: string, values: readonly unknown[]): Promise<PostgresQueryResult<Row>>;
  /** As `query`, under a name that stands for this text for ever. */
  prepared<Row>(name: string, text: string, values: readonly unknown[]): Promise<PostgresQueryResult<Row>>;
  release(destroy?: boolean): void;
}

/** Where statements go: the database itself or a transaction. */
export type Queries = Kysely<Tables>;

/**
 * The one door to the database, embedded or PostgreSQL. On both: timestamptz is a Date, bytea a Uint8Array, int8 a number,
 * jsonb parsed (give it objects), text[] an array of strings. Every method throws ArsiaError `unavailable` when the database
 * is away (failures.ts), and the driver's own error, with its SQLSTATE as `code`, when it refuses a statement.
 */
export interface Database {
  kind: 'embedded' | 'postgres';
  /** Single statements. */
  query: Queries;
  /**
   * One SERIALIZABLE transaction, run again (one at a time of each tenant, for up to 5 s) when it lost against a concurrent
   * one: `work` may run more than once and must do nothing outside the transaction. `isolation: 'read committed'` is for
   * work that takes a row lock first and then wants to read what the one before it committed.
   */
  transaction<T>(work: (tx: Queries) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Hot paths: a statement that PostgreSQL prepares once per connection under `name`. */
  statement<Row>(name: string, text: string, values: readonly unknown[]): Promise<Row[]>;
  /** As `statement`, for one that changes rows: how many. */
  affected(name: string, text: string, values: readonly unknown[]): Promise<number>;
  /**
   * The clock of the database, in milliseconds since 1970. Whoever asks at the same time shares one answer: anybody may ask
   * whether a replica is ready, as often as they like, and must not take the connections that mints need.
   */
  now(): Promise<number>;
  close(): Promise<void>;
}

export interface TransactionOptions {
  isolation?: 'serializable' | 'read committed';
  /** The tenant of the change, such as the id of an organisation. A change waits behind no other tenant's. */
  tenant?: string;
}
