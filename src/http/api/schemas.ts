import { z } from 'zod';
import { isId } from '../../core/ids.ts';
import { maximumCursor } from '../kernel/cursors.ts';

const defaultPage = 50;

const maximumPage = 200;

export const userId = z
  .string('the id of a user is needed')
  .refine((text) => isId('user', text), 'must be the id of a user')
  .meta({ pattern: '^usr_[0-9a-z]{26}$' });

/** The query of a list. The router opens the cursor, so a handler gets the position after which the page begins. */
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

/** A switch in a query. */
export const flag = z.enum(['true', 'false'], 'must be true or false').default('false');
