import { removeUser } from './deletion.ts';
import { detachUser } from './detach.ts';
import { createInvitationAction, listAllInvitations, removeInvitation } from './invitations.ts';
import { leaveOrganization } from './leaving.ts';
import { getMe } from './me.ts';
import {
  changeMembership,
  createMembership,
  listMembers,
  listMembershipsOfOne,
  removeMembership,
} from './memberships.ts';
import { mergeUser } from './merging.ts';
import { createUserAction } from './newusers.ts';
import { createOwnerLink } from './ownerlinks.ts';
import type { SignInPlace } from './signinplace.ts';
import {
  addTeamMember,
  changeTeam,
  createTeam,
  getTeam,
  listAllTeams,
  listMembersOfTeam,
  removeTeam,
  removeTeamMember,
} from './teams.ts';
import { createTieActions } from './ties.ts';
import { changeUser, getUser, listAllUsers } from './users.ts';

export function createPeopleActions({ signIn }: { signIn: SignInPlace }) {
  return {
    callers: { get: getMe },
    users: {
      create: createUserAction(signIn),
      get: getUser,
      list: listAllUsers,
      update: changeUser,
      merge: mergeUser,
      remove: removeUser,
      leave: leaveOrganization,
    },
    userTies: createTieActions(signIn),
    owners: { createLink: createOwnerLink },
    userIdentities: { detach: detachUser },
    invitations: { create: createInvitationAction(signIn), list: listAllInvitations, remove: removeInvitation },
    memberships: {
      create: createMembership,
      list: listMembers,
      listOfPrincipal: listMembershipsOfOne,
      update: changeMembership,
      remove: removeMembership,
    },
    teams: {
      create: createTeam,
      get: getTeam,
      list: listAllTeams,
      update: changeTeam,
      remove: removeTeam,
      addMember: addTeamMember,
      listMembers: listMembersOfTeam,
      removeMember: removeTeamMember,
    },
  };
}
