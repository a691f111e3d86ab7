import { z } from 'zod';
import { ruleKinds } from '../../../core/accessrules.ts';
import { claimRegistry } from '../../../core/claims.ts';
import { deliveries } from '../../../core/mintfacts.ts';
import { subjectScopes } from '../../../core/subject.ts';
import { id, time, version } from '../answers.ts';
import { settings } from '../schemas.ts';

const identityMembers = {
  id: id('managed_identity'),
  organization_id: id('group'),
  group_id: id('group'),
  group: z.string().meta({ description: 'The path of the group.' }),
  name: z.string(),
  path: z.string(),
  type: z.string().meta({ description: 'The kind of identity, such as `aws`.' }),
  description: z.string(),
  settings,
  subject_scope: z.enum(subjectScopes),
  delivery: z.enum(deliveries),
  token_lifetime: z.int().meta({ description: 'Seconds.' }),
  created_at: time,
  version,
};
export const identity = z.strictObject(identityMembers).meta({ id: 'ManagedIdentity' });
export const assignedIdentity = z
  .strictObject({
    ...identityMembers,
    profile: z.string().meta({ description: 'Empty: the unnamed one of its type.' }),
    principal_id: z.string().meta({ description: 'For whom it is assigned; empty: for everyone.' }),
    assigned_at: time,
  })
  .meta({ id: 'AssignedManagedIdentity' });

export const grant = z
  .strictObject({
    id: id('grant'),
    identity_id: id('managed_identity'),
    principal_id: z.string().meta({ description: '`*` is everyone below the group of the identity.' }),
    organization_id: id('group'),
    created_at: time,
  })
  .meta({ id: 'UseGrant' });

export const subjectGrant = z
  .strictObject({
    id: id('subject_grant'),
    identity_id: id('managed_identity'),
    organization_id: id('group'),
    launcher_id: z
      .string()
      .nullable()
      .meta({ description: 'The service account whose rights to act count; null: every service account.' }),
    namespace_id: z
      .string()
      .nullable()
      .meta({ description: 'Rights to act that were granted here or above count; null: those granted anywhere.' }),
    created_at: time,
  })
  .meta({ id: 'SubjectGrant' });

export const alias = z
  .strictObject({
    id: id('alias'),
    identity_id: id('managed_identity').meta({ description: 'The source, whose rules and subject stay.' }),
    group_id: id('group'),
    organization_id: id('group'),
    name: z.string(),
    path: z.string(),
    created_at: time,
  })
  .meta({ id: 'Alias' });

export const mask = z
  .strictObject({
    namespace_id: z.string(),
    identity_id: id('managed_identity'),
    organization_id: id('group'),
    created_at: time,
  })
  .meta({ id: 'Mask' });

export const accessRule = z
  .strictObject({
    id: id('access_rule'),
    identity_id: id('managed_identity'),
    organization_id: id('group'),
    kind: z.enum(ruleKinds),
    values: z.array(z.string()),
    created_at: time,
    version,
  })
  .meta({ id: 'AccessRule' });

const trustDocument = z.strictObject({
  name: z.string(),
  title: z.string(),
  form: z.string(),
  text: z.string(),
  fields: z.array(z.strictObject({ label: z.string(), value: z.string() })).optional(),
  paste_into: z.string(),
});
export const trust = z
  .strictObject({
    issuer: z.string(),
    subject: z.string(),
    audience: z.string(),
    documents: z.array(trustDocument),
    warnings: z.array(z.string()),
  })
  .meta({ id: 'Trust' });

export const verdict = z
  .union([
    z.strictObject({ allow: z.literal(true) }),
    z.strictObject({ allow: z.literal(false), condition: z.string(), expected: z.string(), actual: z.string() }),
  ])
  .meta({ id: 'Verdict' });

/** As the linter has them: one member a claim. */
const claimSchemas = Object.fromEntries(
  Object.entries(claimRegistry).map(([name, { required, meaning }]) => {
    const value = ['iat', 'nbf', 'exp'].includes(name) ? z.int() : name.includes('/') ? z.unknown() : z.string();
    return [name, (required ? value : value.optional()).meta({ description: meaning })];
  }),
);
export const claims: z.ZodType = z.strictObject(claimSchemas).meta({ id: 'WorkloadClaims' });
