import type { ColumnType } from 'kysely';

/** A `jsonb` column with an object. Never an array: pg would send a PostgreSQL array. */
export type Json<T extends object = Record<string, unknown>> = ColumnType<T, T, T>;
