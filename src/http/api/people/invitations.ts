import { z } from 'zod';
import { normalizeEmail } from '../../../core/logins.ts';
import type { Invitation } from '../../../store/people/invitations.ts';
import { type Route, route } from '../../route.ts';
import { listOf } from '../answers.ts';
import { iso, presentPage, readPage } from '../present.ts';
import { page, ref, role } from '../schemas.ts';
import { invitation } from './responses.ts';

const email = z
  .string('an e-mail address is needed')
  .max(254, 'must be at most 254 characters')
  .transform((text, context) => {
    const canonical = normalizeEmail(text);
    if (canonical !== null) return canonical;
    context.addIssue({ code: 'custom', message: 'must be an e-mail address in ASCII, such as ada@acme.example' });
    return z.NEVER;
  });

const newInvitation = z.strictObject({ email, role: role.optional(), namespace: ref.optional() });

function presentInvitation({ created_at, expires_at, accepted_at, ...row }: Invitation) {
  return {
    ...row,
    created_at: iso(created_at),
    expires_at: iso(expires_at),
    accepted_at: accepted_at && iso(accepted_at),
  };
}

export const invitationRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/invitations',
    summary: 'Invite an e-mail address: the person who signs in with it, verified, becomes a user by accepting',
    action: 'invitation.create',
    body: newInvitation,
    response: invitation,
    handle: async ({ api, call, body }) =>
      presentInvitation(await api.pipeline.perform(api.actions.invitations.create, call, body)),
  }),
  route({
    method: 'GET',
    path: '/invitations',
    summary: 'The invitations of the organisation, accepted ones too',
    action: 'invitation.list',
    query: page,
    response: listOf(invitation),
    handle: async ({ api, call, query }) =>
      presentPage(
        await api.pipeline.perform(api.actions.invitations.list, call, { page: readPage(query) }),
        query.limit,
        presentInvitation,
      ),
  }),
  route({
    method: 'DELETE',
    path: '/invitations/:id',
    summary: 'Withdraw an invitation that nobody has accepted',
    action: 'invitation.delete',
    handle: ({ api, call, params }) => api.pipeline.perform(api.actions.invitations.remove, call, { id: params.id! }),
  }),
];
