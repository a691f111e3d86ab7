import { ArsiaError } from '../core/errors.ts';
import { errorCode } from '../core/thrown.ts';

/** Seconds that a caller should wait before it asks a database that is away again. */
const retryAfter = 1;

/**
 * The one place that tells a database that is away from a statement that is wrong. Away: it cannot be reached, is starting,
 * stopping or full, became a read-only standby, refuses our role, or took longer than it may.
 * SQLSTATEs: PostgreSQL manual, appendix A.
 */
const awayStates = [
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

/** The server says this and then closes the connection: ended by an administrator, crashed, idle or busy for too long. */
const sessionEndStates = /^(08...|57P0[1-5]|25P0[34])$/;

const awaySystemCodes = new Set([
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

/** pg and PGlite give these no code. */
const awayMessages =
  /^(Connection terminated|Query read timeout|Client has encountered a connection error|Client was closed|Cannot use a pool after calling end|timeout exceeded when trying to connect|timeout expired|PGlite is (closed|closing)|driver has already been destroyed)/;

/** Thrown when another process may have opened the embedded database: this one must read and write nothing more there. */
export class LockLost extends Error {
  override readonly name = 'LockLost';

  constructor(file: string) {
    super(
      `The lock file ${file} was replaced while this process held it, so that another one may have opened the embedded database. This process ends and has written nothing since: make sure that one arsia uses the folder, and start it again.`,
    );
  }
}

export function isAway(error: unknown): boolean {
  const code = errorCode(error);
  if (code !== undefined && (awaySystemCodes.has(code) || awayStates.some((state) => state.test(code)))) return true;
  if (!(error instanceof Error)) return false;
  if (error instanceof LockLost) return true;
  // An aborted WebAssembly instance never answers again; its own text would help nobody outside.
  return awayMessages.test(error.message) || error.name === 'RuntimeError';
}

/** Whether the connection that brought this error is of no more use, also while the operating system still calls it open. */
export function endsSession(error: unknown): boolean {
  return (
    sessionEndStates.test(errorCode(error) ?? '') || (error instanceof Error && error.message === 'Query read timeout')
  );
}

/** An error of a driver as callers see it: `unavailable` when the database is away, itself otherwise. */
export function translate(error: unknown): unknown {
  return isAway(error) ? unavailable('The database does not answer right now.', error) : error;
}

export function unavailable(detail: string, cause?: unknown): ArsiaError {
  return new ArsiaError('unavailable', detail, { retry_after: retryAfter, cause });
}

/** Lost against a concurrent transaction: running it again is right (40001 serialization failure, 40P01 deadlock). */
export function isConflict(error: unknown): boolean {
  const code = errorCode(error);
  return code === '40001' || code === '40P01';
}

/**
 * A unique constraint refused. Changes look first whether a name is free, so this is a race as well: which of two indexes a
 * SELECT reads decides whether PostgreSQL reports a conflict or this (its manual, 13.5 "Serialization Failure Handling").
 */
export function isUniqueViolation(error: unknown): boolean {
  return errorCode(error) === '23505';
}
