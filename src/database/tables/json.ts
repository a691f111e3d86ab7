import type { ColumnType } from 'kysely';

/** jsonb that holds an object. Never give it an array: pg would send a PostgreSQL array. */
export type Json<T extends object = Record<string, unknown>> = ColumnType<T, T, T>;
