import type { z } from 'zod';
import { id, nullable, text, time } from './columns.ts';
import { entity } from './entity.ts';
import { email, printable } from './inputs.ts';

/**
 * Who may sign in as a user, once: the subject of the identity provider, or whoever signs in there next with a verified
 * address.
 */
export const userTies = entity({
  table: 'user_ties',
  schema: 'UserTie',
  fields: {
    id: { column: id('user_tie') },
    organization_id: { column: id('group') },
    user_id: { column: id('user') },
    iss: {
      column: text,
      create: printable(2048).optional(),
      meaning: 'The issuer of the identity provider where people sign in.',
      audited: true,
    },
    sub: {
      column: nullable(text),
      create: printable(255).optional(),
      meaning: 'The subject of the person there; null for a tie by address.',
      audited: true,
    },
    email: {
      column: nullable(text),
      create: email.optional(),
      meaning: 'The verified address of the person; null for a tie by subject.',
      audited: true,
    },
    created_by: { column: text },
    created_at: { column: time },
    expires_at: { column: nullable(time), meaning: 'Null for a tie by subject, which does not expire.', audited: true },
  },
});

/** A request for a tie: `iss` and `sub`, or `email`. */
export const tieRequest = userTies.create.refine(
  ({ iss, sub, email: address }) =>
    (iss === undefined) === (sub === undefined) && (sub === undefined) !== (address === undefined),
  'must have `iss` and `sub`, or `email`',
);

export type TieRequest = z.output<typeof tieRequest>;
