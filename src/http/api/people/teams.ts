import { z } from 'zod';
import { teamMembers, teams } from '../../../entities/teams.ts';
import { type Route, route } from '../../route.ts';
import { listOf } from '../answers.ts';
import { presentPage, readPage } from '../present.ts';
import { flag, page } from '../schemas.ts';

export const teamRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/teams',
    summary: 'Create a team of the organisation',
    action: 'team.create',
    body: teams.create,
    response: teams.answer,
    handle: async ({ api, call, body }) =>
      teams.present(await api.pipeline.perform(api.actions.teams.create, call, body)),
  }),
  route({
    method: 'GET',
    path: '/teams',
    summary: 'The teams of the organisation; without a role in it, those that you are in',
    action: 'team.list',
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
    action: 'team.get',
    response: teams.answer,
    handle: async ({ api, call, params }) =>
      teams.present(await api.pipeline.perform(api.actions.teams.get, call, { ref: params.id! })),
  }),
  route({
    method: 'PATCH',
    path: '/teams/:id',
    summary: 'Change the description of a team',
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
    action: 'team.delete',
    query: z.strictObject({ force: flag }),
    handle: ({ api, call, params, query }) =>
      api.pipeline.perform(api.actions.teams.remove, call, { ref: params.id!, force: query.force === 'true' }),
  }),
  route({
    method: 'POST',
    path: '/teams/:id/members',
    summary: 'Add a user to a team',
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
    action: 'team_member.list',
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
    action: 'team_member.delete',
    handle: ({ api, call, params }) =>
      api.pipeline.perform(api.actions.teams.removeMember, call, { ref: params.id!, user: params.user! }),
  }),
];
