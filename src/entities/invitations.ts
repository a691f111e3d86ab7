import { roles } from '../core/permissions.ts';
import { id, nullable, oneOf, text, time } from './columns.ts';
import { entity } from './entity.ts';
import { email, ref } from './inputs.ts';

const role = oneOf(roles);

/** `role` and `namespace` are the membership that the person gets by accepting the invitation; null for none. */
export const invitations = entity({
  table: 'invitations',
  schema: 'Invitation',
  fields: {
    id: { column: id('invitation') },
    organization_id: { column: id('group') },
    email: {
      column: text,
      meaning:
        'The e-mail address of the person, which the identity provider must have verified. Stored in lower case.',
      example: 'ada@acme.example',
      create: email,
    },
    namespace_id: {
      column: nullable(text),
      meaning: 'The group or workspace of the role; null without a role.',
      example: 'grp_01jd2ze0q8v5n3w4x6y7t9m2ab',
    },
    role: {
      column: nullable(role),
      meaning: 'The role that the person gets on `namespace`. Default: `viewer` with `namespace`, else none.',
      create: role.answer.optional(),
    },
    namespace: {
      nameOf: 'namespace_id',
      create: ref.optional(),
      meaning: 'The group or workspace of the role, by id or path. Default: the organisation with `role`, else none.',
      example: 'acme/research',
    },
    invited_by: { column: text, meaning: 'The id of the sender.', example: 'usr_01jd2ze0q8v5n3w4x6y7t9m2ab' },
    inviter: { nameOf: 'invited_by', example: 'ada@acme.example' },
    created_at: { column: time },
    expires_at: { column: time, meaning: 'The end of the invitation: 14 days after its creation.' },
    accepted_at: { column: nullable(time), meaning: 'The time of the acceptance; null while it is open.' },
    user_id: { column: nullable(id('user')), meaning: 'The user of the person who accepted; null while it is open.' },
  },
});
