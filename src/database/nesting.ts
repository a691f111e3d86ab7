import { AsyncLocalStorage } from 'node:async_hooks';

/** The database whose transaction the current code runs in. */
export const currentTransaction = new AsyncLocalStorage<object>();

/**
 * Creates the error of a use of the database inside its own transaction. The embedded database has one connection, so that
 * such a use would never end.
 */
export function createNestingError(): Error {
  return new Error(
    'The database was used inside its own transaction and would wait for it: use the `tx` that the transaction passes.',
  );
}
