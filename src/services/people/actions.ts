import { detachUser } from './detach.ts';
import { createInvitation, listAllInvitations, removeInvitation } from './invitations.ts';
import { leaveOrganization } from './leaving.ts';
import { getMe } from './me.ts';
import {
  changeMembership,
  createMembership,
  listMembers,
  listMembershipsOfOne,
  removeMembership,
} from './memberships.ts';
import { createOwnerLink } from './ownerlinks.ts';
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
import { changeUser, createUser, getUser, listAllUsers } from './users.ts';

export const peopleActions = {
  callers: { get: getMe },
  users: { create: createUser, get: getUser, list: listAllUsers, update: changeUser, leave: leaveOrganization },
  owners: { createLink: createOwnerLink },
  userIdentities: { detach: detachUser },
  invitations: { create: createInvitation, list: listAllInvitations, remove: removeInvitation },
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
