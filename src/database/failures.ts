import { ArsiaError } from '../core/errors.ts';
import { errorCode } from '../core/thrown.ts';

/** Seconds after which a caller should try again. */
const retryAfter = 1;

/**
 * SQLSTATEs of a database that cannot be used, as opposed to a wrong statement: it is unreachable, starting, stopping or full,
 * became a read-only standby, refuses our role, or exceeded a timeout. Source: PostgreSQL manual, appendix A.
 */
const unusableStates = [
  /^08/, // connection exceptions
  /^28/, // our role is refused
  /^53/, // out of disk, memory or connections
  /^57P/, // shutting down, crashed, starting, dropped
  /^58/, // I/O errors below the database
  /^3D000$/, // the database does not exist (yet)
  /^57014$/, // statement_timeout
  /^55P03$/, // lock_timeout
  /^25P0[34]$/, // idle or transaction timeout
  /^25006$/, // a failover left us on a read-only standby
];

/** SQLSTATEs after which the server closes the connection: terminated by an administrator, crashed, idle or busy too long. */
const sessionEndStates = /^(08...|57P0[1-5]|25P0[34])$/;

const unusableSystemCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
]);

/** Errors of pg and PGlite that have no code. */
const unusableMessages =
  /^(Connection terminated|Query read timeout|Client has encountered a connection error|Client was closed|Cannot use a pool after calling end|timeout exceeded when trying to connect|timeout expired|PGlite is (closed|closing)|driver has already been destroyed)/;

/** Thrown when another process may have opened the embedded database. This process must not read or write it any more. */
export class LockLost extends Error {
  override readonly name = 'LockLost';

  constructor(file: string) {
    super(
      `The lock file ${file} was replaced while this process held it: another process may have opened the embedded database. This process ends and has written nothing since. Stop every other arsia that uses the folder, and start again.`,
    );
  }
}

/** Returns whether an error means that the database cannot be used, and not that the statement is wrong. */
export function isUnusable(error: unknown): boolean {
  const code = errorCode(error);
  if (code !== undefined && (unusableSystemCodes.has(code) || unusableStates.some((state) => state.test(code))))
    return true;
  if (!(error instanceof Error)) return false;
  if (error instanceof LockLost) return true;
  // An aborted WebAssembly instance cannot be used again, and its message means nothing to the caller.
  return unusableMessages.test(error.message) || error.name === 'RuntimeError';
}

/** Returns whether a connection cannot be used after this error, even if its socket is still open. */
export function endsSession(error: unknown): boolean {
  return (
    sessionEndStates.test(errorCode(error) ?? '') || (error instanceof Error && error.message === 'Query read timeout')
  );
}

/** Converts an error of a driver to `unavailable` when the database cannot be used. Returns every other error unchanged. */
export function translateError(error: unknown): unknown {
  return isUnusable(error) ? unavailable('The database does not respond at the moment.', error) : error;
}

export function unavailable(detail: string, cause?: unknown): ArsiaError {
  return new ArsiaError('unavailable', detail, { retry_after: retryAfter, cause });
}

/**
 * Returns whether a transaction failed because of a concurrent one and can be retried (40001 serialization failure, 40P01
 * deadlock).
 */
export function isConflict(error: unknown): boolean {
  const code = errorCode(error);
  return code === '40001' || code === '40P01';
}

/**
 * Returns whether a unique constraint refused. Changes check first that a name is free, so that this is a race too: PostgreSQL
 * reports a conflict or this, depending on the index that the SELECT read (manual, 13.5 "Serialization Failure Handling").
 */
export function isUniqueViolation(error: unknown): boolean {
  return errorCode(error) === '23505';
}
