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
    user_id: { column: id('user'), meaning: 'The user as whom the person may sign in.' },
    iss: {
      column: text,
      create: printable(2048).optional(),
      meaning:
        'The issuer of the identity provider where people sign in, exactly as in the ID token. Send it with `sub`.',
      example: 'https://login.acme.example',
      audited: true,
    },
    sub: {
      column: nullable(text),
      create: printable(255).optional(),
      meaning: 'The subject of the person there. Null for a tie by address.',
      example: '00u1a2b3c4',
      audited: true,
    },
    email: {
      column: nullable(text),
      create: email.optional(),
      meaning: 'The e-mail address of the person, which the provider must have verified. Null for a tie by subject.',
      example: 'ada@acme.example',
      audited: true,
    },
    created_by: {
      column: text,
      meaning: 'The id of the owner who made the tie.',
      example: 'usr_01jd2ze0q8v5n3w4x6y7t9m2ab',
    },
    created_at: { column: time },
    expires_at: {
      column: nullable(time),
      meaning:
        'The end of a tie by address: 14 days after its creation. Null for a tie by subject, which does not expire.',
      audited: true,
    },
  },
});

/** A request for a tie: `iss` and `sub`, or `email`. */
export const tieRequest = userTies.create.refine(
  ({ iss, sub, email: address }) =>
    (iss === undefined) === (sub === undefined) && (sub === undefined) !== (address === undefined),
  'must have `iss` and `sub`, or `email`',
);

export type TieRequest = z.output<typeof tieRequest>;
