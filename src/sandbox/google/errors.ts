import type { Answer } from '../listener.ts';
import { Refusal } from '../refusal.ts';

/** OAuth errors of the token service (cloud-facts.md 3.1): HTTP 400 and `{error, error_description}`. */
export type OAuthCode =
  | 'invalid_grant'
  | 'invalid_request'
  | 'invalid_target'
  | 'invalid_token'
  | 'unauthorized_client'
  | 'unsupported_grant_type';

export function createOauthRefusal(code: OAuthCode, message: string): Refusal {
  return new Refusal(400, code, message);
}

export function createOauthAnswer(refusal: Refusal): Answer {
  const body = { error: refusal.code, error_description: refusal.message };
  return { ...createJsonAnswer(refusal.status, body), code: refusal.code };
}

/** HTTP status of each status of a Google API (cloud-facts.md 3.3). */
const statuses = {
  ALREADY_EXISTS: 409,
  INTERNAL: 500,
  INVALID_ARGUMENT: 400,
  NOT_FOUND: 404,
  PERMISSION_DENIED: 403,
  RESOURCE_EXHAUSTED: 429,
  UNAUTHENTICATED: 401,
  UNAVAILABLE: 503,
} as const;

export type ApiStatus = keyof typeof statuses;

export function createApiRefusal(status: ApiStatus, message: string): Refusal {
  return new Refusal(statuses[status], status, message);
}

export function createApiAnswer({ status, code, message }: Refusal): Answer {
  return { ...createJsonAnswer(status, { error: { code: status, message, status: code } }), code };
}

/** Creates the refusal of an injected fault, by HTTP status. */
export function createFaultRefusal(status: number): Refusal {
  if (status === 413) return new Refusal(413, 'INVALID_ARGUMENT', 'Request payload size exceeds the limit.');
  if (status === 429) return createApiRefusal('RESOURCE_EXHAUSTED', 'Resource has been exhausted (e.g. check quota).');
  if (status === 503) return createApiRefusal('UNAVAILABLE', 'The service is currently unavailable.');
  return createApiRefusal('INTERNAL', 'Internal error encountered.');
}

export function createJsonAnswer(status: number, body: unknown): Answer {
  return { status, headers: { 'content-type': 'application/json; charset=UTF-8' }, body: JSON.stringify(body) };
}
