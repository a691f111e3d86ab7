import { z } from 'zod';
import { normalizeEmail } from '../core/logins.ts';
import { roles } from '../core/permissions.ts';
import { id, nullable, oneOf, text, time } from './columns.ts';
import { entity } from './entity.ts';
import { ref } from './inputs.ts';

const role = oneOf(roles);
const email = z
  .string('an e-mail address is needed')
  .max(254, 'must be at most 254 characters')
  .transform((text, context) => {
    const canonical = normalizeEmail(text);
    if (canonical !== null) return canonical;
    context.addIssue({ code: 'custom', message: 'must be an e-mail address in ASCII, such as ada@acme.example' });
    return z.NEVER;
  });

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
    namespace: { create: ref.optional(), nameOf: 'namespace_id' },
    invited_by: { column: text },
    inviter: { nameOf: 'invited_by' },
    created_at: { column: time },
    expires_at: { column: time },
    accepted_at: { column: nullable(time) },
    user_id: { column: nullable(id('user')) },
  },
});
