import { z } from 'zod';
import { type ClaimName, claimRegistry } from '../../../core/claims.ts';
import { assignments } from '../../../entities/assignments.ts';
import { managedIdentities, namedAlias } from '../../../entities/managedidentities.ts';

export const assignedIdentity = z
  .strictObject({
    ...managedIdentities.answer.shape,
    ...assignments.answer.shape,
  })
  .meta({ id: 'AssignedManagedIdentity' });

export const effectiveIdentity = assignedIdentity
  .extend({
    refusal: z
      .strictObject({
        code: z.string().meta({
          description: 'The error code with which the job would be refused.',
          examples: ['access_rule_refused'],
        }),
        detail: z.string().meta({
          description: 'The reason, in words.',
          examples: ['ada@acme.example may not run jobs in acme/research/wing.'],
        }),
        condition: z
          .string()
          .optional()
          .meta({
            description: 'The access rules that refuse, for those who may see them.',
            examples: ['rule_01jd2ze0q8v5n3w4x6y7t9m2ab'],
          }),
      })
      .nullable()
      .meta({ description: 'Why a job of the user would not get it; null: it would, or the request names no user.' }),
  })
  .meta({ id: 'EffectiveManagedIdentity' });

const described = (description: string, ...examples: string[]) =>
  z.string().meta({ description, ...(examples.length > 0 && { examples }) });

const trustDocument = z.strictObject({
  name: described('The name of the document, the same for every identity of the type.', 'trust-policy'),
  title: described('What it is, for people.', 'Role trust policy'),
  form: described('The form of `text`.', 'json'),
  text: described('The document, to copy.', '{"Version":"2012-10-17","Statement":[...]}'),
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
    subject: described(
      'The `sub` of the tokens. It ends in `*` where it stands for every user.',
      'mi_01jd2ze0q8v5n3w4x6y7t9m2ab:ws_01jd2ze0q8v5n3w4x6y7t9m2ab',
    ),
    audience: described('The `aud` of the tokens.', 'sts.amazonaws.com'),
    documents: z.array(trustDocument).meta({ description: 'What the administrator of the cloud enters there.' }),
    warnings: z.array(z.string()).meta({
      description: 'What to check, in sentences.',
      examples: [
        [
          'With delivery both jobs have the token itself, and its holder chooses the scope at Entra, of all that the application may have.',
        ],
      ],
    }),
    alias: namedAlias.optional().meta({ description: 'Where the request names an alias: that alias.' }),
  })
  .meta({ id: 'Trust' });

const position = z
  .strictObject({
    line: z.int().meta({ description: 'The line, from 1.', examples: [12] }),
    column: z.int().meta({ description: 'The column, from 1, in UTF-16 code units.', examples: [28] }),
  })
  .meta({ id: 'Position', description: 'A place in the pasted text.' });

const finding = z.strictObject({
  code: described('What was found, one word.', 'no_subject'),
  severity: z.enum(['high', 'medium', 'low']).meta({ description: 'How much it lets in.' }),
  message: described(
    'What the document lets in.',
    'Every token of this issuer is let in: no condition demands a subject.',
  ),
  safe: described(
    'What to write instead.',
    '"StringEquals": {"arsia.acme.example:sub": "mi_01jd2ze0q8v5n3w4x6y7t9m2ab"}',
  ),
  statement: described('The id, or the number from 1, of the statement.', '1').optional(),
  position,
});

/** Only the kinds of clouds whose documents are reviewed have these members. */
const reviewed = {
  statement: described(
    'The id, or the number from 1, of the statement that decides, or of the one that comes closest to allowing.',
    '1',
  ).optional(),
  position: position.optional().meta({ description: 'The place of what refuses, in the pasted text.' }),
  findings: z
    .array(finding)
    .optional()
    .meta({ description: 'Parts of the document that let in more than this token needs, or that cannot work.' }),
};

export const verdict = z
  .union([
    z.strictObject({ allow: z.literal(true).meta({ description: 'The document accepts the token.' }), ...reviewed }),
    z.strictObject({
      allow: z.literal(false).meta({ description: 'The document refuses the token.' }),
      condition: described(
        'The condition that fails, in the words of the document.',
        'StringEquals arsia.acme.example:sub',
      ),
      expected: described(
        'The value that the document requires.',
        'mi_01jd2ze0q8v5n3w4x6y7t9m2ab:ws_01jd2ze0q8v5n3w4x6y7t9m2ab',
      ),
      actual: described('The value in the token.', 'mi_01jd2ze0q8v5n3w4x6y7t9m2ab:ws_01jd2zf7k4c8h2m6p0r3s5v9wx'),
      ...reviewed,
      operator: described('The operator of the condition that fails.', 'StringEquals').optional(),
      key: described('The key of the condition that fails.', 'arsia.acme.example:sub').optional(),
      corrected: described(
        'The document with the smallest change that accepts this token, and no other subject.',
        '{"Version":"2012-10-17","Statement":[...]}',
      ).optional(),
    }),
  ])
  .meta({ id: 'Verdict' });

/** Examples of the claims that are texts or numbers. */
const claimExamples: Readonly<Record<Exclude<ClaimName, `https://${string}`>, string | number>> = {
  iss: 'https://arsia.acme.example',
  sub: 'mi_01jd2ze0q8v5n3w4x6y7t9m2ab:ws_01jd2ze0q8v5n3w4x6y7t9m2ab',
  aud: 'sts.amazonaws.com',
  iat: 1_769_860_795,
  nbf: 1_769_860_795,
  exp: 1_769_861_400,
  jti: 'evt_01jd2ze0q8v5n3w4x6y7t9m2ab',
  identity_id: 'mi_01jd2ze0q8v5n3w4x6y7t9m2ab',
  identity: 'acme/research/aws',
  workspace_id: 'ws_01jd2ze0q8v5n3w4x6y7t9m2ab',
  workspace: 'acme/research/wing',
  group_id: 'grp_01jd2ze0q8v5n3w4x6y7t9m2ab',
  group: 'acme/research',
  organization_id: 'grp_01jd2ze0q8v5n3w4x6y7t9m2ab',
  organization: 'acme',
  user_id: 'usr_01jd2ze0q8v5n3w4x6y7t9m2ab',
  user: 'ada@acme.example',
  job_id: 'job_01jd2ze0q8v5n3w4x6y7t9m2ab',
  stage: 'prod',
  launcher_id: 'sa_01jd2ze0q8v5n3w4x6y7t9m2ab',
  launcher: 'launcher',
};

/** The claims of the linter, one member each. */
const claimSchemas = Object.fromEntries(
  Object.entries(claimRegistry).map(([name, { required, meaning }]) => {
    const example = name in claimExamples ? claimExamples[name as keyof typeof claimExamples] : undefined;
    const value = typeof example === 'number' ? z.int() : example === undefined ? z.unknown() : z.string();
    const description = `${meaning.charAt(0).toUpperCase()}${meaning.slice(1)}.`;
    return [
      name,
      (required ? value : value.optional()).meta({
        description,
        ...(example !== undefined && { examples: [example] }),
      }),
    ];
  }),
);
export const claims: z.ZodType = z.strictObject(claimSchemas).meta({ id: 'WorkloadClaims' });
