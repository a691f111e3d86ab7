import { ArsiaError } from '../../core/errors.ts';
import type { Page } from '../../database/page.ts';
import type { Changed, Created } from '../../entities/entity.ts';
import { type teamMembers, teams } from '../../entities/teams.ts';
import {
  deleteTeam,
  deleteTeamMember,
  findTeam,
  insertTeam,
  insertTeamMember,
  listTeamHoldings,
  listTeamIds,
  listTeamMembers,
  listTeams,
  type Team,
  type TeamHoldings,
  type TeamMember,
  updateTeam,
} from '../../store/people/teams.ts';
import { formatPaths } from '../namespaces/descendants.ts';
import type { Action, Context, Place } from '../pipeline/action.ts';
import { findOwnOrganization } from '../pipeline/places.ts';
import { buildNotFoundError } from '../pipeline/rights.ts';
import { findOnlyVisiblePrincipal, resolveUserIn } from './users.ts';

interface FoundTeam extends Place {
  team: Team;
}

/** Finds a team of the caller's organisation by id or name. Throws `not_found`. */
async function resolveTeam(context: Context, input: { ref: string }): Promise<FoundTeam> {
  const place = await findOwnOrganization(context);
  const team =
    place.organization_id === null ? undefined : await findTeam(context.db, place.organization_id, input.ref);
  if (team === undefined) throw buildNotFoundError('team', input.ref);
  return { ...place, team, named: { noun: 'team', ref: input.ref }, audit: { target_id: team.id } };
}

/** Finds a team. A caller without a role in the organisation finds only the teams that they are in. */
async function resolveVisibleTeam(context: Context, input: { ref: string }): Promise<FoundTeam> {
  const found = await resolveTeam(context, input);
  const only = await findOnlyVisiblePrincipal(context);
  if (only !== undefined && !(await listTeamIds(context.db, only)).includes(found.team.id))
    throw buildNotFoundError('team', input.ref);
  return found;
}

export const createTeam: Action<Created<typeof teams>, Place, Team> = {
  name: 'team.create',
  needs: 'team.manage',
  changes: true,
  adds: ['teams'],
  find: findOwnOrganization,
  async run(context, input, { organization_id }) {
    if ((await findTeam(context.db, organization_id!, input.name)) !== undefined)
      throw new ArsiaError('conflict', `There is already a team ${input.name}.`, {
        fields: [{ pointer: '/name', detail: 'is already used in this organisation' }],
      });
    await context.admit('teams', organization_id);
    const team: Team = {
      id: context.newId('team'),
      organization_id: organization_id!,
      ...input,
      created_at: new Date(context.now),
      version: 1,
    };
    await insertTeam(context.db, team);
    return team;
  },
  describe: (_input, _place, team) => ({ target_id: team.id, detail: teams.recorded(team) }),
};

export const getTeam: Action<{ ref: string }, FoundTeam, Team> = {
  name: 'team.get',
  needs: 'member',
  changes: false,
  find: resolveVisibleTeam,
  run: async (_context, _input, { team }) => team,
};

export const listAllTeams: Action<{ page: Page }, Place, Team[]> = {
  name: 'team.list',
  needs: 'member',
  changes: false,
  find: findOwnOrganization,
  async run(context, { page }, { organization_id }) {
    return await listTeams(context.db, organization_id!, page, await findOnlyVisiblePrincipal(context));
  },
};

export const changeTeam: Action<Changed<typeof teams> & { ref: string }, FoundTeam, Team> = {
  name: 'team.update',
  needs: 'team.manage',
  changes: true,
  find: resolveTeam,
  version: ({ team }) => team.version,
  run: (context, { ref: _ref, ...change }, { team }) => updateTeam(context.db, team.id, change),
  describe: ({ ref: _ref, ...change }, { team }) => ({ detail: { name: team.name, ...change } }),
};

/**
 * Deletes a team with its roles, grants and assignments. What they allowed ends with the next request. Throws `conflict`,
 * which lists them, where there are any and the request has no `force`.
 */
export const removeTeam: Action<{ ref: string; force: boolean }, FoundTeam, TeamHoldings> = {
  name: 'team.delete',
  needs: 'team.manage',
  changes: true,
  find: resolveTeam,
  version: ({ team }) => team.version,
  async run(context, { force }, { team }) {
    const held = await listTeamHoldings(context.db, team.id);
    const parts = formatHoldings(held);
    if (parts.length > 0 && !force)
      throw new ArsiaError('conflict', `The team ${team.name} ${parts.join(', and ')}.`, {
        advice: 'Take these away first, or add `?force=true` to end them with the team.',
      });
    await deleteTeam(context.db, team.id);
    return held;
  },
  describe: ({ force }, { team }, held) => ({
    detail: {
      name: team.name,
      force,
      roles: held.roles.map(({ path }) => path),
      use_grants: held.use_grants.map(({ path }) => path),
      assignments: held.assignments.map(({ path }) => path),
    },
  }),
};

function formatHoldings({ roles, use_grants, assignments }: TeamHoldings): string[] {
  return [
    ...(roles.length > 0 ? [`has a role on ${formatPaths(roles)}`] : []),
    ...(use_grants.length > 0 ? [`may use ${formatPaths(use_grants)}`] : []),
    ...(assignments.length > 0 ? [`has identities of its own in ${formatPaths(assignments)}`] : []),
  ];
}

export const addTeamMember: Action<Created<typeof teamMembers> & { ref: string }, FoundTeam, TeamMember> = {
  name: 'team_member.create',
  needs: 'team.manage',
  changes: true,
  adds: ['team_members', 'teams_per_user'],
  find: resolveTeam,
  async run(context, input, { team }) {
    const user = await resolveUserIn(context, team.organization_id, input.user);
    const row = {
      team_id: team.id,
      user_id: user.id,
      source: 'manual' as const,
      created_at: new Date(context.now),
    };
    if (!(await listTeamIds(context.db, user.id)).includes(team.id)) {
      await context.admit('team_members', team.organization_id, team);
      await context.admit('teams_per_user', team.organization_id, { id: user.id, name: user.login });
    }
    await insertTeamMember(context.db, row);
    return { ...row, login: user.login };
  },
  describe: (_input, { team }, member) => ({
    user_id: member.user_id,
    detail: { team: team.name, user: member.login },
  }),
};

export const listMembersOfTeam: Action<{ ref: string; page: Page }, FoundTeam, TeamMember[]> = {
  name: 'team_member.list',
  needs: 'member',
  changes: false,
  find: resolveVisibleTeam,
  async run(context, { page }, { team }) {
    return await listTeamMembers(context.db, team.id, page, await findOnlyVisiblePrincipal(context));
  },
};

export const removeTeamMember: Action<{ ref: string; user: string }, FoundTeam, void> = {
  name: 'team_member.delete',
  needs: 'team.manage',
  changes: true,
  find: resolveTeam,
  async run(context, input, { team }) {
    const user = await resolveUserIn(context, team.organization_id, input.user);
    if (!(await deleteTeamMember(context.db, team.id, user.id)))
      throw buildNotFoundError('member of the team', input.user);
  },
  describe: (input, { team }) => ({ detail: { team: team.name, user: input.user } }),
};
