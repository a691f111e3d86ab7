import { ArsiaError } from '../../core/errors.ts';
import type { HttpRequest } from './request.ts';

/** Returns the error for a path that is not offered. */
export function noSuchRoute(): ArsiaError {
  return new ArsiaError('not_found', 'There is no such route.', { advice: 'Check the path and the method.' });
}

/** Sets `Allow` (RFC 9110 15.5.6) and returns the error for a method that the path does not offer. */
export function methodNotAllowed({ message, headers }: HttpRequest, offered: readonly string[]): ArsiaError {
  headers.allow = offered.join(', ');
  return new ArsiaError('method_not_allowed', `${message.method} is not offered here.`);
}
