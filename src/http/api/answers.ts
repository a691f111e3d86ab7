import { z } from 'zod';
import type { IdKind } from '../../core/ids.ts';
import * as columns from '../../entities/columns.ts';

export { nameMark, nameMember } from '../../entities/names.ts';

export const id = (kind: IdKind) => columns.id(kind).answer;
export const time = columns.time.answer;

const toldOnceMark = 'x-told-once';

/** A secret that only the first answer has: a replay by `Idempotency-Key` leaves it out and names it in `withheld`. */
export function secret(description: string, example: string) {
  return z
    .string()
    .optional()
    .meta({ description: `${description}. Told once.`, examples: [example], [toldOnceMark]: true });
}

export const withheld = z
  .array(z.string())
  .optional()
  .meta({
    description: 'In a replay by `Idempotency-Key`: the members that were told once and are missing here.',
    examples: [['client_secret']],
  });

/** Returns the members of an answer that only the first answer has. */
export function toldOnce(response: z.ZodType | undefined): string[] {
  if (!(response instanceof z.ZodObject)) return [];
  return Object.entries(response.shape as Record<string, z.ZodType>)
    .filter(([, member]) => member.meta()?.[toldOnceMark] === true)
    .map(([name]) => name);
}

export function listOf<Item extends z.ZodType>(item: Item) {
  return z.strictObject({
    items: z.array(item).meta({ description: 'The items of the page.' }),
    next_cursor: z
      .string()
      .nullable()
      .meta({ description: '`cursor` of the next page; null on the last one.', examples: ['eyJhIjoi...'] }),
  });
}
