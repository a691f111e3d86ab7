import { invitations } from '../../../entities/invitations.ts';
import { type Route, route } from '../../route.ts';
import { listOf } from '../answers.ts';
import { presentPage, readPage } from '../present.ts';
import { page } from '../schemas.ts';

export const invitationRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/invitations',
    summary: 'Invite an e-mail address: the person who signs in with it, verified, becomes a user by accepting',
    description:
      'Invites the person with this e-mail address to the organisation. At the next sign-in with that verified address, a page shows the invitation, and the person accepts or declines. Accepting creates the user, with the membership of `role` on `namespace` if given; an active user of the organisation gets the role. Refused without sign-in, and where the address is that of a user who would get nothing. Arsia sends no mail: tell the person yourself. An invitation is valid for 14 days, and only while its sender is an owner.',
    action: 'invitation.create',
    errors: ['conflict'],
    body: invitations.create,
    response: invitations.answer,
    handle: async ({ api, call, body }) =>
      invitations.present(await api.pipeline.perform(api.actions.invitations.create, call, body)),
  }),
  route({
    method: 'GET',
    path: '/invitations',
    summary: 'The invitations of the organisation, accepted ones too',
    description: 'Lists the invitations of the organisation, including accepted ones.',
    action: 'invitation.list',
    query: page,
    response: listOf(invitations.answer),
    handle: async ({ api, call, query }) =>
      presentPage(
        await api.pipeline.perform(api.actions.invitations.list, call, { page: readPage(query) }),
        query.limit,
        invitations.present,
      ),
  }),
  route({
    method: 'DELETE',
    path: '/invitations/:id',
    summary: 'Withdraw an invitation that nobody has accepted',
    description: 'Withdraws an invitation that was not accepted.',
    action: 'invitation.delete',
    errors: ['conflict'],
    handle: ({ api, call, params }) => api.pipeline.perform(api.actions.invitations.remove, call, { id: params.id! }),
  }),
];
