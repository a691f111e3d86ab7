import { z } from 'zod';
import { isId } from '../../core/ids.ts';
import { jobDeadline, tokenLifetime } from '../../core/lifetimes.ts';
import { deliveries } from '../../core/mintfacts.ts';
import {
  identityTypePattern,
  loginPattern,
  loginRule,
  namePattern,
  nameRule,
  referencePattern,
  referenceRule,
} from '../../core/names.ts';
import { roles } from '../../core/permissions.ts';
import { subjectScopes } from '../../core/subject.ts';
import { maximumCursor } from './cursors.ts';

/** The shapes that requests share. Every object is strict: an unknown member is a fault, named. */
const defaultPage = 50;
const maximumPage = 200;

export const name = z.string('a name is needed').regex(namePattern, `must be ${nameRule}`);
export const login = z.string('a login is needed').regex(loginPattern, `must be ${loginRule}`);
export const identityType = z
  .string('a type is needed')
  .regex(identityTypePattern, 'must be a kind of identity, such as aws');
/** An id, a path or a login. */
export const ref = z.string('an id or path is needed').regex(referencePattern, `must be ${referenceRule}`);
export const userId = z
  .string('the id of a user is needed')
  .refine((text) => isId('user', text), 'must be the id of a user')
  .meta({ pattern: '^usr_[0-9a-z]{26}$' });
/** A principal, or `*` for everyone. */
export const refOrEveryone = z.union([z.literal('*'), ref], `must be ${referenceRule}, or \`*\` for everyone`);
export const description = z
  .string()
  .max(1000, 'must be at most 1000 characters')
  .refine(isPrintable, 'must be printable text');
export const role = z.enum(roles, `must be one of ${roles.join(', ')}`);
export const delivery = z.enum(deliveries, `must be one of ${deliveries.join(', ')}`);
export const subjectScope = z.enum(subjectScopes, `must be one of ${subjectScopes.join(', ')}`);
export const lifetime = z
  .int('must be whole seconds')
  .min(tokenLifetime.minimum, `must be at least ${tokenLifetime.minimum} seconds`)
  .max(tokenLifetime.maximum, `must be at most ${tokenLifetime.maximum} seconds`);
export const settings = z.record(z.string(), z.unknown(), 'must be an object');

/** Label keys are names; values and patterns are short printable text. */
const labelValue = z.string().max(256, 'must be at most 256 characters').refine(isPrintable, 'must be printable text');
const maximumLabels = 32;
export const labels = z
  .record(name, labelValue)
  .refine((all) => Object.keys(all).length <= maximumLabels, `must be at most ${maximumLabels} labels`)
  // A refinement is code: the document would not tell of it.
  .meta({ maxProperties: maximumLabels });
export const pattern = z
  .string()
  .min(1, 'is empty')
  .max(128, 'must be at most 128 characters')
  .refine(isPrintable, 'must be printable text');

/** A point in time (RFC 3339) or whole seconds from now; as milliseconds since 1970 or a count. */
export const deadline = z.union(
  [z.iso.datetime({ offset: true }), z.int().min(jobDeadline.minimum).max(jobDeadline.maximum)],
  'must be an RFC 3339 time or whole seconds from now, 1 minute to 7 days ahead',
);

/** Of every list. The router opens the cursor: handlers get the id after which the page begins. */
export const page = z.strictObject({
  limit: z.coerce
    .number('must be a number')
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .max(maximumPage, `must be at most ${maximumPage}`)
    .default(defaultPage),
  cursor: z
    .string('must be given once')
    .max(maximumCursor, 'must be `next_cursor` of the page before, unchanged')
    .optional(),
});

function isPrintable(text: string): boolean {
  // Control characters would forge log lines, lone surrogates break the database's UTF-8.
  return !/\p{Cc}/u.test(text.replaceAll('\n', '')) && text.isWellFormed();
}

/** A switch in a query. */
export const flag = z.enum(['true', 'false'], 'must be true or false').default('false');
