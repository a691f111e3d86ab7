import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isRequestId, type RequestOrigin, readUserAgent } from '../core/origin.ts';
import { hostOf } from './address.ts';

export type ReadOrigin = (request: IncomingMessage) => RequestOrigin;

/**
 * Creates the one function that reads the origin of a request. The request id is the caller's own where it is harmless, else
 * a new one; every answer, log line and audit event carries it.
 */
export function createOriginReader(addressOf: (request: IncomingMessage) => string): ReadOrigin {
  return (request) => {
    const { 'x-request-id': given, 'user-agent': userAgent } = request.headers;
    const address = hostOf(addressOf(request));
    return {
      request_id: isRequestId(given) ? given : randomUUID(),
      // A connection that has ended has no address any more.
      client_address: address === '' ? null : address,
      user_agent: readUserAgent(userAgent),
    };
  };
}
