import { z } from 'zod';
import type { ZodOpenApiOperationObject, ZodOpenApiPathsObject } from 'zod-openapi';
import {
  authorizeQuery,
  deviceForm,
  deviceResponse,
  introspectForm,
  introspection,
  oauthError,
  revokeForm,
  tokenForm,
  tokenResponse,
  userinfo,
} from './oauthschemas.ts';

const clients =
  'Client ids: `workload` (public; token exchange only), `cli` (public; people at a command line), `console` (public; the web console), and the id of each service account (confidential; it authenticates by `client_secret_basic`, `client_secret_post` or `private_key_jwt`).';

const forPeople = 'It exists only where sign-in is configured (`ARSIA_SIGN_IN_ISSUER`).';

/**
 * Returns the endpoints of the authorization server, for the OpenAPI document. oidc-provider serves them, so they are no
 * routes of the table. `issuer` is the URL that they are below.
 */
export function describeOAuth(issuer: string): ZodOpenApiPathsObject {
  const servers = [{ url: issuer }];
  return Object.fromEntries(
    Object.entries(endpoints).map(([path, { method, ...operation }]) => [
      path,
      { servers, [method]: { tags: ['oauth2'], security: [], ...operation } },
    ]),
  );
}

type Endpoint = ZodOpenApiOperationObject & { method: 'get' | 'post' };

const form = (schema: z.ZodType) => ({
  required: true,
  content: { 'application/x-www-form-urlencoded': { schema } },
});
const answers = (description: string, schema: z.ZodType) => ({
  200: { description, content: { 'application/json': { schema } } },
  '4XX': {
    description: 'Refused (RFC 6749 5.2).',
    content: { 'application/json': { schema: oauthError } },
  },
});
const document = (description: string) => ({
  200: { description, content: { 'application/json': { schema: z.record(z.string(), z.unknown()) } } },
});

const endpoints: Readonly<Record<string, Endpoint>> = {
  '/oauth2/token': {
    method: 'post',
    operationId: 'oauth_token',
    summary: 'Issue an access token or a workload token',
    description: `Issues tokens (RFC 6749 3.2). ${clients}

- \`client_credentials\`: an access token of a service account, valid for 1 hour.
- \`urn:ietf:params:oauth:grant-type:token-exchange\` (RFC 8693) with a job token and \`client_id=workload\`: a workload token of a managed identity. The checks, errors and audit events are those of \`POST /tokens\`.
- The same grant with a JWT of an outside issuer and \`client_id=workload\`: an access token of the service account that trusts the issuer.
- \`authorization_code\` with PKCE, and \`urn:ietf:params:oauth:grant-type:device_code\` (RFC 8628): an access token of a person, valid for 10 minutes, and a refresh token. For \`cli\`; \`console\` has no device code.
- \`refresh_token\`: new tokens. The old refresh token is used up.

**Who may:** whoever proves itself as the grant demands.

**Errors:** 400 \`invalid_request\`, 400 \`invalid_grant\`, 400 \`invalid_target\` (the managed identity or service account), 400 \`unauthorized_client\` (the client may not use this grant), 400 \`unsupported_grant_type\`, 400 \`invalid_scope\`, 401 \`invalid_client\`, 400 \`authorization_pending\`, 400 \`slow_down\`, 400 \`expired_token\`, 429 and 503 \`temporarily_unavailable\`.`,
    requestBody: form(tokenForm),
    responses: answers('The token.', tokenResponse),
  },
  '/oauth2/device_authorization': {
    method: 'post',
    operationId: 'oauth_device_authorization',
    summary: 'Start a sign-in on a device without a browser',
    description: `Starts the device flow (RFC 8628 3.1). Show the person \`user_code\` and \`verification_uri\`, then poll \`/oauth2/token\`. ${forPeople}\n\n**Who may:** the client \`cli\`.\n\n**Errors:** 400 \`invalid_request\`, 400 \`unauthorized_client\`, 401 \`invalid_client\`, 429 and 503 \`temporarily_unavailable\`.`,
    requestBody: form(deviceForm),
    responses: answers('The codes.', deviceResponse),
  },
  '/oauth2/authorize': {
    method: 'get',
    operationId: 'oauth_authorize',
    summary: 'Sign a person in and return a code',
    description: `Signs a person in with a browser (RFC 6749 4.1, with PKCE) and redirects to \`redirect_uri\` with \`code\` and \`state\`. ${forPeople}\n\n**Who may:** the clients \`cli\` (its redirect URI is \`http://127.0.0.1/callback\` or \`http://[::1]/callback\` with any port) and \`console\`.\n\n**Errors:** the redirect has \`error\`, such as \`login_required\`; a request with an unknown client or redirect URI gets a page.`,
    requestParams: { query: authorizeQuery },
    responses: { 303: { description: 'To the sign-in, or back to the client.' } },
  },
  '/oauth2/introspect': {
    method: 'post',
    operationId: 'oauth_introspect',
    summary: 'Read the state of an access token',
    description:
      'Says whether an access token is valid, and whose it is (RFC 7662). A token that is unknown, expired or revoked is `{"active": false}`.\n\n**Who may:** service accounts, for every access token that they hold.\n\n**Errors:** 400 `invalid_request`, 401 `invalid_client`, 429 and 503 `temporarily_unavailable`.',
    requestBody: form(introspectForm),
    responses: answers('The state of the token.', introspection),
  },
  '/oauth2/revoke': {
    method: 'post',
    operationId: 'oauth_revoke',
    summary: 'Revoke an access or refresh token',
    description:
      'Revokes a token (RFC 7009). It is refused from the next request on. Revoking a refresh token ends its access tokens too. An unknown token gets 200 as well.\n\n**Who may:** the client that the token was issued to. `client_id=arsia` revokes a token of `arsia server bootstrap`.\n\n**Errors:** 400 `invalid_request`, 401 `invalid_client`, 429 and 503 `temporarily_unavailable`.',
    requestBody: form(revokeForm),
    responses: { 200: { description: 'Revoked.' }, '4XX': answers('', oauthError)['4XX'] },
  },
  '/oauth2/userinfo': {
    method: 'get',
    operationId: 'oauth_userinfo',
    summary: 'The claims of the person who signed in',
    description: `Returns the claims of the person (OpenID Connect Core 5.3). ${forPeople}\n\n**Who may:** a person, with an access token of the scope \`openid\`.\n\n**Errors:** 401 \`invalid_token\`, 403 \`insufficient_scope\`.`,
    security: [{ accessToken: [] }],
    responses: answers('The claims.', userinfo),
  },
  '/oauth2/session/end': {
    method: 'get',
    operationId: 'oauth_session_end',
    summary: 'Sign out of the browser session',
    description: `Asks the person and ends the session of the browser (OpenID Connect RP-Initiated Logout 1.0). ${forPeople}\n\n**Who may:** the person whose browser it is.\n\n**Errors:** a page.`,
    responses: { 200: { description: 'A page that asks.' } },
  },
  '/oauth2/jwks': {
    method: 'get',
    operationId: 'oauth_jwks',
    summary: 'The keys of ID tokens',
    description:
      'The public keys of the ID tokens of the authorization server (RFC 7517). The keys of workload tokens are at `/.well-known/jwks.json`.\n\n**Who may:** everyone.\n\n**Errors:** none of its own.',
    responses: document('A JWK set.'),
  },
  '/oauth2/.well-known/openid-configuration': {
    method: 'get',
    operationId: 'oauth_discovery',
    summary: 'The metadata of the authorization server',
    description:
      'The endpoints, grants and algorithms of the authorization server (OpenID Connect Discovery 1.0). `/.well-known/openid-configuration` describes the issuer of workload tokens instead.\n\n**Who may:** everyone.\n\n**Errors:** none of its own.',
    responses: document('The metadata.'),
  },
};
