import { z } from 'zod';
import { mustBe, secondsField, textField, toMeta } from '../fields.ts';

/**
 * Lifetime of impersonated tokens in seconds. Over an hour only where an organisation policy allows it (cloud-facts.md 3.3).
 */
export const tokenDuration = { minimum: 60, default: 3600, maximum: 43_200 } as const;

const defaultScope = 'https://www.googleapis.com/auth/cloud-platform';
const scopePattern = /^(?:https:\/\/[a-z0-9.-]{1,100}\/[\w./-]{0,150}|openid|email|profile)$/;
const maximumScopes = 20;
const poolNamePattern = /^(?!gcp-)[a-z0-9-]{4,32}$/;
const poolNameRule = '4 to 32 of lower-case letters, digits and `-`, not beginning with gcp-';

/** Returns the fault of a list of scopes; undefined for one that Google accepts. */
export function findScopesFault(scopes: readonly string[]): string | undefined {
  const isRight = scopes.length > 0 && scopes.length <= maximumScopes && scopes.every((one) => scopePattern.test(one));
  return isRight ? undefined : mustBe(`1 to ${maximumScopes} OAuth scopes`, [defaultScope]);
}

const scopesError = mustBe(`1 to ${maximumScopes} OAuth scopes`, [defaultScope]);

export const settings = z.strictObject({
  project_number: textField(
    {
      title: 'Project number',
      description: "The number, not the id, of the project that has the pool: it is on the project's dashboard.",
      example: '123456789012',
    },
    /^[1-9]\d{4,18}$/,
    'the number of a project',
  ),
  pool: textField(
    { title: 'Pool ID', description: 'The workload identity pool.', example: 'arsia-pool' },
    poolNamePattern,
    poolNameRule,
  ),
  provider: textField(
    { title: 'Provider ID', description: 'The provider in the pool.', example: 'arsia' },
    poolNamePattern,
    poolNameRule,
  ),
  service_account: textField(
    {
      title: 'Service account',
      description:
        "The service account to impersonate. Left out: the token's own principal gets access to resources directly.",
      example: 'deploy@acme-prod.iam.gserviceaccount.com',
    },
    /^(?=.{6,128}$)[a-z0-9-]{1,63}@(?:[a-z0-9-]+\.)+gserviceaccount\.com$/,
    'the e-mail address of a service account',
  ).optional(),
  scopes: z
    .array(z.string({ error: scopesError }).max(300, { error: scopesError }), { error: scopesError })
    .max(maximumScopes, { error: scopesError })
    .refine((scopes) => findScopesFault(scopes) === undefined, { error: scopesError })
    .meta(
      toMeta({
        title: 'Scopes',
        description: 'OAuth scopes of the access token, unless the job asks for others.',
        example: [defaultScope],
      }),
    )
    .default([defaultScope]),
  max_duration: secondsField(
    {
      title: 'Longest token',
      description:
        "With a service account jobs may ask for at most this many seconds. Above 3600 the organisation's policy at Google must allow it.",
      example: 3600,
    },
    tokenDuration.minimum,
    tokenDuration.maximum,
  ).default(tokenDuration.default),
});

export type GcpSettings = z.output<typeof settings>;
