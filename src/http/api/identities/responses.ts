import { z } from 'zod';
import { claimRegistry } from '../../../core/claims.ts';
import { assignments } from '../../../entities/assignments.ts';
import { managedIdentities, namedAlias } from '../../../entities/managedidentities.ts';

export const assignedIdentity = z
  .strictObject({
    ...managedIdentities.answer.shape,
    ...assignments.answer.shape,
  })
  .meta({ id: 'AssignedManagedIdentity' });

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
    alias: namedAlias.optional(),
  })
  .meta({ id: 'Trust' });

export const verdict = z
  .union([
    z.strictObject({ allow: z.literal(true) }),
    z.strictObject({ allow: z.literal(false), condition: z.string(), expected: z.string(), actual: z.string() }),
  ])
  .meta({ id: 'Verdict' });

/** The claims of the linter, one member each. */
const claimSchemas = Object.fromEntries(
  Object.entries(claimRegistry).map(([name, { required, meaning }]) => {
    const value = ['iat', 'nbf', 'exp'].includes(name) ? z.int() : name.includes('/') ? z.unknown() : z.string();
    return [name, (required ? value : value.optional()).meta({ description: meaning })];
  }),
);
export const claims: z.ZodType = z.strictObject(claimSchemas).meta({ id: 'WorkloadClaims' });
