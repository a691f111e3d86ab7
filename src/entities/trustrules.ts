import { z } from 'zod';
import { outsideKeys, parsePublicKeys } from '../core/clientkeys.ts';
import { outsideTokens } from '../core/lifetimes.ts';
import { type Condition, trustLimits } from '../core/outsidetrust.ts';
import { boolean, type Column, id, integer, json, nullable, text, time } from './columns.ts';
import { entity } from './entity.ts';
import { description } from './inputs.ts';
import { publicKeySet, publicKeys } from './publickeys.ts';

const printable = (what: string, length: number) =>
  z
    .string(`${what} is needed`)
    .min(1, 'is empty')
    .max(length, `must be at most ${length} characters`)
    // The joiners of emoji and of Indic and Arabic scripts are among the format characters (Unicode 23.2).
    .refine((value) => !/(?![\u200c\u200d])[\p{C}\p{Zl}\p{Zp}]/u.test(value), 'must be printable text');

const claimMeta = {
  description: 'The name of a claim, or a JSON pointer (RFC 6901) into nested ones.',
  examples: ['repository'],
};
const equals = { description: 'The claim must have exactly this value.', examples: ['acme/simulation'] };
const matches = { description: 'The claim must match this pattern; `*` stands for any text.', examples: ['acme/*'] };

const condition = z
  .strictObject({
    claim: printable('a claim', trustLimits.claim).meta(claimMeta),
    equals: printable('a value', trustLimits.value).optional().meta(equals),
    matches: printable('a pattern', trustLimits.value).optional().meta(matches),
  })
  .transform(({ claim, equals, matches }, context) => {
    if (equals !== undefined && matches === undefined) return { claim, equals };
    if (matches !== undefined && equals === undefined) return { claim, matches };
    context.addIssue({ code: 'custom', message: 'must have one of `equals` and `matches`' });
    return z.NEVER;
  });

const claim = z.string().meta(claimMeta);
const shownConditions = z.array(
  z.union([
    z.strictObject({ claim, equals: z.string().meta(equals) }),
    z.strictObject({ claim, matches: z.string().meta(matches) }),
  ]),
);

/** Stored as an object, since pg would send an array as a PostgreSQL array. */
const conditions: Column<{ all: Condition[] }, typeof shownConditions> = {
  stored: 'jsonb',
  isNullable: false,
  answer: shownConditions,
  show: ({ all }) => all,
};

const { lifetime } = outsideTokens;
const lifetimeRule = `must be whole seconds from ${lifetime.minimum} to ${lifetime.maximum}`;

/** The outside issuers whose tokens speak for a service account. A rule never changes. */
export const trustRules = entity({
  table: 'service_account_trust_rules',
  schema: 'TrustRule',
  fields: {
    id: { column: id('trust_rule') },
    service_account_id: { column: id('service_account'), meaning: 'The service account that the tokens authenticate.' },
    organization_id: { column: id('group') },
    issuer: {
      column: text,
      meaning:
        'The `iss` of the tokens, exactly as the issuer writes it. Arsia fetches its keys from there, unless the rule has `jwks`.',
      example: 'https://token.actions.githubusercontent.com',
      create: printable('an issuer', trustLimits.value),
      audited: true,
    },
    audience: {
      column: text,
      meaning: 'The audience of the tokens, which must have no other. Use the URL of this Arsia.',
      example: 'https://arsia.acme.example',
      create: z
        .string('an audience is needed')
        .regex(/^[\x21-\x7e]+$/, 'must be printable characters without spaces')
        .max(trustLimits.audience, `must be at most ${trustLimits.audience} characters`),
      audited: true,
    },
    conditions: {
      column: conditions,
      meaning:
        'Conditions on claims, all of which must hold. At least one, since an audience alone admits every user of the issuer.',
      example: [{ claim: 'repository', equals: 'acme/simulation' }],
      create: z
        .array(condition, 'must be an array of conditions')
        .min(1, 'must hold a condition: an audience alone lets everybody in who can ask for it')
        .max(trustLimits.conditions, `must hold at most ${trustLimits.conditions} conditions`),
    },
    jwks: {
      column: nullable(json(publicKeySet)),
      meaning:
        'The keys of an issuer that Arsia cannot reach, as a JWK set (RFC 7517) of 1 to 10 public keys. Only these then verify the tokens of the rule, and nothing is fetched. null: Arsia fetches the keys of the issuer.',
      create: publicKeys((set) => parsePublicKeys(set, outsideKeys))
        .nullable()
        .default(null),
    },
    single_use: {
      column: boolean,
      meaning: 'Accept each token once. Tokens without `jti` are then refused.',
      create: z.boolean('must be true or false').default(false),
      audited: true,
    },
    maximum_lifetime: {
      column: integer,
      meaning: 'The longest time from `iat` to `exp` of a token, in seconds.',
      example: 3600,
      create: z
        .int(lifetimeRule)
        .min(lifetime.minimum, lifetimeRule)
        .max(lifetime.maximum, lifetimeRule)
        .default(lifetime.default),
      audited: true,
    },
    description: {
      column: text,
      hasDefault: true,
      meaning: 'Free text, at most 1000 characters.',
      example: 'Deployments of acme/simulation',
      create: description.default(''),
    },
    created_at: { column: time },
    warnings: {
      answer: z.array(z.string()),
      meaning: 'What an owner should check about the issuer, in sentences.',
      example: ['Arsia does not know who gets tokens of https://ci.acme.example.'],
    },
  },
});
