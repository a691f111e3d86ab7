import { isTextList } from '../../core/json.ts';
import { readJson } from '../form.ts';
import type { Answer, Request } from '../listener.ts';
import { createApiRefusal, createJsonAnswer } from './errors.ts';
import type { Google } from './exchange.ts';
import type { Grant } from './grants.ts';

/** Roles that contain `iam.serviceAccounts.getAccessToken` (cloud-facts.md 3.3). */
const impersonatingRoles = ['roles/iam.workloadIdentityUser', 'roles/iam.serviceAccountTokenCreator'];
/** Each of these scopes permits the IAM Credentials API. */
const sufficientScopes = ['https://www.googleapis.com/auth/cloud-platform', 'https://www.googleapis.com/auth/iam'];
const maximumLifetime = 3600;

interface ImpersonationRequest {
  scopes: string[];
  /** Seconds. */
  lifetime: number;
  /** Emails, from the caller to the target. */
  delegates: string[];
}

/** Handles `POST /v1/projects/-/serviceAccounts/{email}:generateAccessToken` (cloud-facts.md 3.3). Throws Refusal. */
export function generateAccessToken(google: Google, project: string, email: string, request: Request): Answer {
  const caller = findBearerGrant(google, request);
  if (!caller)
    throw createApiRefusal(
      'UNAUTHENTICATED',
      'Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.',
    );
  if (project !== '-') throw createApiRefusal('INVALID_ARGUMENT', 'The project must be the wildcard -.');
  if (!caller.scopes.some((scope) => sufficientScopes.includes(scope)))
    throw createApiRefusal('PERMISSION_DENIED', 'Request had insufficient authentication scopes.');
  const { scopes, lifetime, delegates } = readRequest(request);
  let holders = caller.principals;
  for (const next of [...delegates, email]) {
    if (!canImpersonate(google, holders, next))
      throw createApiRefusal(
        'PERMISSION_DENIED',
        "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).",
      );
    holders = [`serviceAccount:${next}`];
  }
  const { access_token, expires_at } = google.grants.issue({ principals: holders, email, scopes }, lifetime);
  const expireTime = new Date(expires_at).toISOString().replace('.000Z', 'Z');
  return createJsonAnswer(200, { accessToken: access_token, expireTime });
}

/** Returns the grant of the bearer token, or undefined. */
export function findBearerGrant(google: Google, request: Request): Grant | undefined {
  const token = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  return token === undefined ? undefined : google.grants.find(token);
}

function canImpersonate(google: Google, holders: readonly string[], email: string): boolean {
  const bindings = google.resources.findBindings(email) ?? [];
  return bindings.some(
    ({ role, members }) => impersonatingRoles.includes(role) && members.some((member) => holders.includes(member)),
  );
}

function readRequest(request: Request): ImpersonationRequest {
  const body = readJson(request) ?? {};
  const { scope, lifetime = `${maximumLifetime}s`, delegates = [] } = body;
  if (!isTextList(scope) || scope.length === 0) throw createApiRefusal('INVALID_ARGUMENT', 'Invalid scope.');
  if (!isTextList(delegates)) throw createApiRefusal('INVALID_ARGUMENT', 'Invalid delegates.');
  const seconds = Number(/^(\d{1,9})(?:\.\d+)?s$/.exec(String(lifetime))?.[1] ?? Number.NaN);
  if (!(seconds > 0)) throw createApiRefusal('INVALID_ARGUMENT', 'Invalid lifetime.');
  if (seconds > maximumLifetime)
    throw createApiRefusal('INVALID_ARGUMENT', `The access token lifetime cannot exceed ${maximumLifetime} seconds.`);
  return {
    scopes: scope,
    lifetime: seconds,
    delegates: delegates.map((name) => name.slice(name.lastIndexOf('/') + 1)),
  };
}
