import { z } from 'zod';
import { roles } from '../../../core/permissions.ts';
import { id, secret, time, version, withheld } from '../answers.ts';

export const user = z
  .strictObject({
    id: id('user'),
    organization_id: id('group').nullable().meta({ description: 'Null for operators of the installation.' }),
    login: z.string(),
    display_name: z.string(),
    is_operator: z.boolean(),
    is_active: z.boolean(),
    created_at: time,
    version,
  })
  .meta({ id: 'User' });

export const serviceAccount = z
  .strictObject({
    id: id('service_account'),
    client_id: id('service_account').meta({ description: 'For OAuth: the id.' }),
    organization_id: id('group'),
    group_id: id('group'),
    name: z.string(),
    description: z.string(),
    is_active: z.boolean(),
    jwks: z
      .strictObject({ keys: z.array(z.record(z.string(), z.unknown())) })
      .nullable()
      .meta({ description: 'Public keys; an account with keys authenticates by `private_key_jwt` alone.' }),
    created_at: time,
    version,
  })
  .meta({ id: 'ServiceAccount' });

export const clientSecret = z
  .strictObject({
    id: id('secret'),
    client_id: id('service_account'),
    client_secret: secret('The secret of the OAuth client'),
    expires_at: time,
    withheld,
  })
  .meta({ id: 'ClientSecret' });

export const membership = z
  .strictObject({
    id: id('membership'),
    namespace_id: z.string(),
    principal_id: z.string(),
    role: z.enum(roles),
    organization_id: id('group'),
    created_at: time,
    version,
  })
  .meta({ id: 'Membership' });

export const mayAct = z
  .strictObject({
    id: id('may_act'),
    service_account_id: id('service_account'),
    namespace_id: z.string(),
    organization_id: id('group'),
    users: z
      .array(z.string())
      .meta({ description: 'Ids of users and teams; `*` is everyone; the account itself for its jobs for nobody.' }),
    stages: z.array(z.string()),
    labels: z.record(z.string(), z.string()),
    created_at: time,
  })
  .meta({ id: 'RightToAct' });

export const team = z
  .strictObject({
    id: id('team'),
    organization_id: id('group'),
    name: z.string(),
    description: z.string(),
    created_at: time,
    version,
  })
  .meta({ id: 'Team' });

export const teamMember = z
  .strictObject({
    team_id: id('team'),
    user_id: id('user'),
    login: z.string(),
    source: z.enum(['manual', 'sign_in']).meta({ description: 'By hand, or by the groups claim at sign-in.' }),
    created_at: time,
  })
  .meta({ id: 'TeamMember' });

export const invitation = z
  .strictObject({
    id: id('invitation'),
    organization_id: id('group'),
    email: z.string(),
    namespace_id: z.string().nullable(),
    role: z.enum(roles).nullable(),
    invited_by: z.string(),
    created_at: time,
    expires_at: time,
    accepted_at: time.nullable(),
    user_id: id('user').nullable(),
  })
  .meta({ id: 'Invitation' });

const claim = z.string().meta({ description: 'The name of a claim, or a JSON pointer into nested ones.' });
export const trustRule = z
  .strictObject({
    id: id('trust_rule'),
    service_account_id: id('service_account'),
    organization_id: id('group'),
    issuer: z.string(),
    audience: z.string(),
    conditions: z.array(
      z.union([z.strictObject({ claim, equals: z.string() }), z.strictObject({ claim, matches: z.string() })]),
    ),
    single_use: z.boolean(),
    maximum_lifetime: z.int().meta({ description: 'Seconds from iat to exp that a token may live.' }),
    description: z.string(),
    created_at: time,
  })
  .meta({ id: 'TrustRule' });
