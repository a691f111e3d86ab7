import { z } from 'zod';

/** The forms and answers of the authorization server, for the OpenAPI document. */

const text = (description: string, ...examples: string[]) =>
  z.string().meta({ description, ...(examples.length > 0 && { examples }) });

const seconds = (description: string, example: number) => z.int().meta({ description, examples: [example] });

export const tokenGrants = [
  'client_credentials',
  'authorization_code',
  'refresh_token',
  'urn:ietf:params:oauth:grant-type:device_code',
  'urn:ietf:params:oauth:grant-type:token-exchange',
] as const;

const clientId = text(
  '`workload` for a job or an outside token, `cli` or `console` for a person, or the id of a service account.',
  'workload',
);

/** How a client authenticates in the form. A public client sends its id alone. */
const authentication = {
  client_id: clientId.optional(),
  client_secret: text(
    'The secret of a service account, where it is not sent by HTTP Basic.',
    'a client secret',
  ).optional(),
  client_assertion_type: z
    .literal('urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
    .optional()
    .meta({ description: 'With `client_assertion`.' }),
  client_assertion: text(
    'A JWT that the service account signed with a registered key (RFC 7523).',
    'eyJ...',
  ).optional(),
};

export const tokenForm = z.object({
  grant_type: z.enum(tokenGrants).meta({ description: 'The grant.' }),
  ...authentication,
  subject_token: text('For token exchange: the job token, or the JWT of an outside issuer.', 'eyJ...').optional(),
  subject_token_type: z
    .enum([
      'urn:ietf:params:oauth:token-type:access_token',
      'urn:ietf:params:oauth:token-type:jwt',
      'urn:ietf:params:oauth:token-type:id_token',
    ])
    .optional()
    .meta({
      description: 'For token exchange: `access_token` for a job token, `jwt` or `id_token` for an outside one.',
    }),
  audience: text(
    'For token exchange: the managed identity, or the service account that trusts the outside issuer, by id or path.',
    'acme/research/aws',
  ).optional(),
  code: text('For `authorization_code`: the code.', 'a code').optional(),
  redirect_uri: text(
    'For `authorization_code`: the same as at `/oauth2/authorize`.',
    'http://127.0.0.1:49152/callback',
  ).optional(),
  code_verifier: text('For `authorization_code`: the PKCE verifier (RFC 7636).', 'a verifier').optional(),
  device_code: text('For `device_code`: the code of the device.', 'a code').optional(),
  refresh_token: text('For `refresh_token`: the newest refresh token.', 'arsia_rt_...').optional(),
});

export const tokenResponse = z.looseObject({
  access_token: text('The access token; after an exchange of a job token, the workload token.', 'arsia_at_...'),
  token_type: z
    .enum(['Bearer', 'N_A'])
    .meta({ description: '`N_A`: a workload token, which Arsia itself does not accept.' }),
  expires_in: seconds('Seconds for which it is valid.', 600),
  issued_token_type: text(
    'After a token exchange: the type of the token (RFC 8693 3).',
    'urn:ietf:params:oauth:token-type:jwt',
  ).optional(),
  refresh_token: text('For people: the refresh token, which works once.', 'arsia_rt_...').optional(),
  id_token: text('For people, with the scope `openid`: the ID token.', 'eyJ...').optional(),
  scope: text('The granted scopes.', 'openid').optional(),
});

export const deviceForm = z.object({
  client_id: clientId.meta({ examples: ['cli'] }),
  scope: text('The scopes, separated by spaces. The only scope is `openid`.', 'openid').optional(),
});

export const deviceResponse = z.looseObject({
  device_code: text('For the poll of `/oauth2/token`.', 'a code'),
  user_code: text('The code that the person enters.', 'WDJB-MJHT'),
  verification_uri: text('The page that the person opens.', 'https://arsia.acme.example/oauth2/device'),
  verification_uri_complete: text(
    'The same page with the code filled in.',
    'https://arsia.acme.example/oauth2/device?user_code=WDJB-MJHT',
  ).optional(),
  expires_in: seconds('Seconds until the codes expire.', 600),
  interval: seconds('Seconds between two polls.', 5).optional(),
});

export const authorizeQuery = z.object({
  client_id: clientId.meta({ description: 'The client.', examples: ['cli'] }),
  response_type: z.literal('code').meta({ description: 'Always `code`.' }),
  redirect_uri: text('Where the browser returns to.', 'http://127.0.0.1:49152/callback'),
  scope: text('The scopes, separated by spaces. The only scope is `openid`.', 'openid').optional(),
  state: text('Returned unchanged.', 'a random value').optional(),
  nonce: text('Returned in the ID token.', 'a random value').optional(),
  code_challenge: text('The PKCE challenge (RFC 7636).', 'a challenge'),
  code_challenge_method: z.literal('S256').meta({ description: 'Always `S256`.' }),
  prompt: z
    .enum(['none', 'login', 'select_account'])
    .optional()
    .meta({ description: '`login`: sign in again. `select_account`: choose the organisation.' }),
});

export const introspectForm = z.object({
  token: text('The token.', 'arsia_at_...'),
  ...authentication,
  client_id: text(
    'The id of the service account, where it is not sent by HTTP Basic.',
    'sa_01jd2ze0q8v5n3w4x6y7t9m2ab',
  ).optional(),
});

export const introspection = z.looseObject({
  active: z.boolean().meta({ description: 'The token is valid now. If false, the answer has no other member.' }),
  sub: text('The id of the user or service account.', 'sa_01jd2ze0q8v5n3w4x6y7t9m2ab').optional(),
  client_id: text('The client that the token was issued to.', 'sa_01jd2ze0q8v5n3w4x6y7t9m2ab').optional(),
  exp: seconds('The end of the token, in seconds since 1970.', 1_769_860_800).optional(),
  trust_rule_id: text('The trust rule that admitted the outside token.', 'trust_01jd2ze0q8v5n3w4x6y7t9m2ab').optional(),
});

export const revokeForm = z.object({
  token: text('The token.', 'arsia_at_...'),
  ...authentication,
  client_id: text('The client that the token was issued to, where it is not sent by HTTP Basic.', 'cli').optional(),
});

export const userinfo = z.looseObject({
  sub: text('The id of the user.', 'usr_01jd2ze0q8v5n3w4x6y7t9m2ab'),
  login: text('The login of the user.', 'ada@acme.example').optional(),
});

export const oauthError = z
  .looseObject({
    error: text('The error code (RFC 6749 5.2).', 'invalid_target'),
    error_description: text(
      'What happened, and what to change.',
      'There is no managed identity "acme/aws", or you may not see it.',
    ).optional(),
  })
  .meta({ id: 'OAuthError' });
