import { z } from 'zod';
import { isId } from '../../core/ids.ts';
import { maximumCursor } from '../kernel/cursors.ts';

const defaultPage = 50;

const maximumPage = 200;

export const userId = z
  .string('the id of a user is needed')
  .refine((text) => isId('user', text), 'must be the id of a user')
  .meta({
    pattern: '^usr_[0-9a-z]{26}$',
    description: 'The id of a user. Send it, or `iss` and `sub`.',
    examples: ['usr_01jd2ze0q8v5n3w4x6y7t9m2ab'],
  });

/** The query of a list. The router opens the cursor, so a handler gets the position after which the page begins. */
export const page = z.strictObject({
  limit: z.coerce
    .number('must be a number')
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .max(maximumPage, `must be at most ${maximumPage}`)
    .default(defaultPage)
    .meta({ description: 'The number of items on a page.', examples: [100] }),
  cursor: z
    .string('must be given once')
    .max(maximumCursor, 'must be `next_cursor` of the page before, unchanged')
    .optional()
    .meta({ description: '`next_cursor` of the page before. Left out: the first page.', examples: ['eyJhIjoi...'] }),
});

/** The beginning of a login or name, in a query. Compared byte by byte. */
export const namePrefix = z
  .string('must be given once')
  .regex(/^[a-z0-9._@+-]{1,64}$/, 'must be the beginning of a login or name')
  .optional()
  .meta({
    description: 'Only those whose login or name begins with this text, in the order of logins or names.',
    examples: ['ada'],
  });

/** A filter of users and service accounts. */
export const activity = z
  .enum(['active', 'inactive'], 'must be active or inactive')
  .optional()
  .meta({ description: 'Only active ones, or only deactivated ones.' });

/** A switch in a query. */
export const flag = z.enum(['true', 'false'], 'must be true or false').default('false');

/** The switch of changes that are refused with the list of what they would also remove. */
export const force = flag.meta({
  description: '`true`: also delete or unassign what the refusal without it lists.',
});
