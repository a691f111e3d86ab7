import { z } from 'zod';
import { claimRegistry } from '../../../core/claims.ts';
import { assignments } from '../../../entities/assignments.ts';
import { managedIdentities } from '../../../entities/managedidentities.ts';

export const assignedIdentity = z
  .strictObject({
    ...managedIdentities.answer.shape,
    ...assignments.answer.shape,
  })
  .meta({ id: 'AssignedManagedIdentity' });

const described = (description: string, ...examples: string[]) =>
  z.string().meta({ description, ...(examples.length > 0 && { examples }) });

const trustDocument = z.strictObject({
  name: described('The name of the document, the same for every identity of the type.', 'trust-policy'),
  title: described('What it is, for people.', 'Role trust policy'),
  form: described('The form of `text`.', 'json'),
  text: described('The document, to copy.'),
  fields: z
    .array(
      z.strictObject({
        label: described('The label of the field at the cloud.', 'Audience'),
        value: described('The value to enter.', 'sts.amazonaws.com'),
      }),
    )
    .optional()
    .meta({ description: 'The same as fields of a form, where the cloud has one.' }),
  paste_into: described('Where to enter it at the cloud.', 'IAM > Roles > Trust relationships'),
});
export const trust = z
  .strictObject({
    issuer: described('The `iss` of the tokens.', 'https://arsia.acme.example'),
    subject: described('The `sub` of the tokens. It ends in `*` where it stands for every user.'),
    audience: described('The `aud` of the tokens.', 'sts.amazonaws.com'),
    documents: z.array(trustDocument).meta({ description: 'What the administrator of the cloud enters there.' }),
    warnings: z.array(z.string()).meta({ description: 'What to check, in sentences.' }),
  })
  .meta({ id: 'Trust' });

export const verdict = z
  .union([
    z.strictObject({ allow: z.literal(true).meta({ description: 'The document accepts the token.' }) }),
    z.strictObject({
      allow: z.literal(false).meta({ description: 'The document refuses the token.' }),
      condition: described(
        'The condition that fails, in the words of the document.',
        'StringEquals arsia.acme.example:sub',
      ),
      expected: described('The value that the document requires.'),
      actual: described('The value in the token.'),
    }),
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
