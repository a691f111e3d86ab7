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
    email: { column: text, create: email },
    namespace_id: { column: nullable(text) },
    role: { column: nullable(role), create: role.answer.optional() },
    namespace: { create: ref.optional() },
    invited_by: { column: text },
    created_at: { column: time },
    expires_at: { column: time },
    accepted_at: { column: nullable(time) },
    user_id: { column: nullable(id('user')) },
  },
});
