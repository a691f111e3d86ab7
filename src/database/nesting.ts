import { AsyncLocalStorage } from 'node:async_hooks';

/** The database in whose transaction the running code is. */
export const transactionOf = new AsyncLocalStorage<object>();

/** The embedded database has one connection: a second one wanted inside a transaction would wait for itself for ever. */
export function nested(): Error {
  return new Error(
    'inside a transaction, use the `tx` that it gives: the database itself would wait for the transaction',
  );
}
