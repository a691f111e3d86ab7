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
    action: 'invitation.create',
    body: invitations.create,
    response: invitations.answer,
    handle: async ({ api, call, body }) =>
      invitations.present(await api.pipeline.perform(api.actions.invitations.create, call, body)),
  }),
  route({
    method: 'GET',
    path: '/invitations',
    summary: 'The invitations of the organisation, accepted ones too',
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
    action: 'invitation.delete',
    handle: ({ api, call, params }) => api.pipeline.perform(api.actions.invitations.remove, call, { id: params.id! }),
  }),
];
