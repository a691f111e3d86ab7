import { z } from 'zod';
import { outsideTokens } from '../core/lifetimes.ts';
import { type Condition, trustLimits } from '../core/outsidetrust.ts';
import { boolean, type Column, id, integer, text, time } from './columns.ts';
import { entity } from './entity.ts';
import { description } from './inputs.ts';

const printable = (what: string, length: number) =>
  z
    .string(`${what} is needed`)
    .min(1, 'is empty')
    .max(length, `must be at most ${length} characters`)
    // The joiners of emoji and of Indic and Arabic scripts are among the format characters (Unicode 23.2).
    .refine((value) => !/(?![\u200c\u200d])[\p{C}\p{Zl}\p{Zp}]/u.test(value), 'must be printable text');

const condition = z
  .strictObject({
    claim: printable('a claim', trustLimits.claim),
    equals: printable('a value', trustLimits.value).optional(),
    matches: printable('a pattern', trustLimits.value).optional(),
  })
  .transform(({ claim, equals, matches }, context) => {
    if (equals !== undefined && matches === undefined) return { claim, equals };
    if (matches !== undefined && equals === undefined) return { claim, matches };
    context.addIssue({ code: 'custom', message: 'must have one of `equals` and `matches`' });
    return z.NEVER;
  });

const claim = z.string().meta({ description: 'The name of a claim, or a JSON pointer into nested ones.' });
const shownConditions = z.array(
  z.union([z.strictObject({ claim, equals: z.string() }), z.strictObject({ claim, matches: z.string() })]),
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
    service_account_id: { column: id('service_account') },
    organization_id: { column: id('group') },
    issuer: { column: text, create: printable('an issuer', trustLimits.value), audited: true },
    audience: {
      column: text,
      create: z
        .string('an audience is needed')
        .regex(/^[\x21-\x7e]+$/, 'must be printable characters without spaces')
        .max(trustLimits.audience, `must be at most ${trustLimits.audience} characters`),
      audited: true,
    },
    conditions: {
      column: conditions,
      create: z
        .array(condition, 'must be an array of conditions')
        .min(1, 'must hold a condition: an audience alone lets everybody in who can ask for it')
        .max(trustLimits.conditions, `must hold at most ${trustLimits.conditions} conditions`),
    },
    single_use: { column: boolean, create: z.boolean('must be true or false').default(false), audited: true },
    maximum_lifetime: {
      column: integer,
      meaning: 'Seconds from iat to exp that a token may live.',
      create: z
        .int(lifetimeRule)
        .min(lifetime.minimum, lifetimeRule)
        .max(lifetime.maximum, lifetimeRule)
        .default(lifetime.default)
        .meta({ description: 'Longest time from `iat` to `exp` of a token, in seconds.' }),
      audited: true,
    },
    description: { column: text, hasDefault: true, create: description.default('') },
    created_at: { column: time },
    warnings: { answer: z.array(z.string()), meaning: 'What an owner should check about the issuer, in sentences.' },
  },
});
