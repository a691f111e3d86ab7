import { z } from 'zod';
import { teamMembers, teams } from '../../../entities/teams.ts';
import { type Route, route } from '../../route.ts';
import { listOf } from '../answers.ts';
import { presentPage, readPage } from '../present.ts';
import { force, page } from '../schemas.ts';

export const teamRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/teams',
    summary: 'Create a team of the organisation',
    description:
      'Creates a team of the organisation. Roles, use grants and assignments can be given to a team; each member has them.',
    action: 'team.create',
    errors: ['conflict'],
    body: teams.create,
    response: teams.answer,
    handle: async ({ api, call, body }) =>
      teams.present(await api.pipeline.perform(api.actions.teams.create, call, body)),
  }),
  route({
    method: 'GET',
    path: '/teams',
    summary: 'The teams of the organisation; without a role in it, those that you are in',
    description: 'Lists the teams of the organisation. A caller without a role sees only the teams that it is in.',
    action: 'team.list',
    who: 'every member of the organisation',
    query: page,
    response: listOf(teams.answer),
    handle: async ({ api, call, query }) =>
      presentPage(
        await api.pipeline.perform(api.actions.teams.list, call, { page: readPage(query) }),
        query.limit,
        teams.present,
      ),
  }),
  route({
    method: 'GET',
    path: '/teams/:id',
    summary: 'One team, by id or name',
    description: 'Returns one team. A caller without a role sees only the teams that it is in.',
    action: 'team.get',
    who: 'every member of the organisation',
    response: teams.answer,
    handle: async ({ api, call, params }) =>
      teams.present(await api.pipeline.perform(api.actions.teams.get, call, { ref: params.id! })),
  }),
  route({
    method: 'PATCH',
    path: '/teams/:id',
    summary: 'Change the description of a team',
    description: 'Changes the description of a team. Its name never changes.',
    action: 'team.update',
    body: teams.change,
    response: teams.answer,
    handle: async ({ api, call, params, body }) =>
      teams.present(await api.pipeline.perform(api.actions.teams.update, call, { ref: params.id!, ...body })),
  }),
  route({
    method: 'DELETE',
    path: '/teams/:id',
    summary: 'Delete a team; refused with the roles, grants and assignments that it was given, unless forced',
    description:
      'Deletes a team with its memberships, use grants and assignments. What they allowed ends with the next request. Without `force` it is refused where there are any; the refusal lists them.',
    errors: ['conflict'],
    action: 'team.delete',
    query: z.strictObject({ force }),
    handle: ({ api, call, params, query }) =>
      api.pipeline.perform(api.actions.teams.remove, call, { ref: params.id!, force: query.force === 'true' }),
  }),
  route({
    method: 'POST',
    path: '/teams/:id/members',
    summary: 'Add a user to a team',
    description:
      'Adds a user to a team. The user has the roles, grants and assignments of the team from the next request on. A member that came from the groups claim becomes a manual one, which sign-in does not remove.',
    action: 'team_member.create',
    body: teamMembers.create,
    response: teamMembers.answer,
    handle: async ({ api, call, params, body }) =>
      teamMembers.present(await api.pipeline.perform(api.actions.teams.addMember, call, { ref: params.id!, ...body })),
  }),
  route({
    method: 'GET',
    path: '/teams/:id/members',
    summary: 'The users of a team; without a role in the organisation, yourself alone',
    description: 'Lists the members of a team. A caller without a role sees only itself.',
    action: 'team_member.list',
    who: 'every member of the organisation',
    query: page,
    response: listOf(teamMembers.answer),
    async handle({ api, call, params, query }) {
      const input = { ref: params.id!, page: readPage(query) };
      const rows = await api.pipeline.perform(api.actions.teams.listMembers, call, input);
      return presentPage(
        rows.map((row) => ({ ...row, id: row.user_id })),
        query.limit,
        teamMembers.present,
      );
    },
  }),
  route({
    method: 'DELETE',
    path: '/teams/:id/members/:user',
    summary: 'Take a user out of a team; what the team allowed ends with the next request',
    description:
      'Removes a user from a team. What the team allowed ends with the next request. A member that comes from the groups claim is added again at the next sign-in.',
    action: 'team_member.delete',
    handle: ({ api, call, params }) =>
      api.pipeline.perform(api.actions.teams.removeMember, call, { ref: params.id!, user: params.user! }),
  }),
];
