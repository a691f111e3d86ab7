import { z } from 'zod';
import { normalizeEmail } from '../core/logins.ts';
import { identityTypePattern, namePattern, nameRule, referencePattern, referenceRule } from '../core/names.ts';

export const name = z.string('a name is needed').regex(namePattern, `must be ${nameRule}`);

export const identityType = z
  .string('a type is needed')
  .regex(identityTypePattern, 'must be a kind of identity, such as aws');

/** The id, path or login of an existing entity. */
export const ref = z.string('an id or path is needed').regex(referencePattern, `must be ${referenceRule}`);

/** A principal, or `*` for everyone. */
export const refOrEveryone = z.union([z.literal('*'), ref], `must be ${referenceRule}, or \`*\` for everyone`);

export const description = z
  .string()
  .max(1000, 'must be at most 1000 characters')
  .refine(isPrintable, 'must be printable text');

/** An e-mail address, which is stored in its canonical form. */
export const email = z
  .string('an e-mail address is needed')
  .max(254, 'must be at most 254 characters')
  .meta({ examples: ['ada@acme.example'] })
  .transform((text, context) => {
    const canonical = normalizeEmail(text);
    if (canonical !== null) return canonical;
    context.addIssue({ code: 'custom', message: 'must be an e-mail address in ASCII, such as ada@acme.example' });
    return z.NEVER;
  });

/** `iss` or `sub` of an ID token. */
export const printable = (maximum: number) =>
  z.string().regex(new RegExp(`^[\\x20-\\x7e]{1,${maximum}}$`), `must be 1 to ${maximum} printable ASCII characters`);

export const settings = z
  .record(z.string(), z.unknown(), 'must be an object')
  .meta({ description: 'The settings of the identity, with the members of its `type`.' });

/** A label value, as access rules match it. */
const labelValue = z.string().max(256, 'must be at most 256 characters').refine(isPrintable, 'must be printable text');

const maximumLabels = 32;

export const labels = boundLabels(z.record(name, labelValue));

const labelKey = z
  .string()
  .regex(new RegExp(`${namePattern.source}|^\\*$`), `must be ${nameRule}, or \`*\` for every label`);

/** The label patterns of a right to act: by key, or by `*` for every key that is not listed. */
export const labelPatterns = boundLabels(z.record(labelKey, labelValue)).meta({
  description:
    'The labels that a job may have: a pattern of values for each key, or for `*`, which is every key that is not listed. Without it, a job may have no labels.',
});

function boundLabels<Labels extends z.ZodType<Record<string, string>>>(labels: Labels): Labels {
  return (
    labels
      .refine((all) => Object.keys(all).length <= maximumLabels, `must be at most ${maximumLabels} labels`)
      // OpenAPI cannot show the refinement.
      .meta({ maxProperties: maximumLabels })
  );
}

/** A pattern of stages, or the id of a principal. */
export const pattern = z
  .string()
  .min(1, 'is empty')
  .max(128, 'must be at most 128 characters')
  .refine(isPrintable, 'must be printable text');

function isPrintable(text: string): boolean {
  // Control characters could forge log lines. PostgreSQL rejects lone surrogates.
  return !/\p{Cc}/u.test(text.replaceAll('\n', '')) && text.isWellFormed();
}
