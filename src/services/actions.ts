import type { QuotaName } from '../core/quotas.ts';
import type { CloudEndpoints } from '../providers/provider.ts';
import type { AuditStore } from '../store/audit/events.ts';
import { createAuditActions } from './audit/events.ts';
import { changeAccessRule, createAccessRule, listRules, removeAccessRule } from './identities/accessrules.ts';
import { createAlias, listIdentityAliases, removeAlias } from './identities/aliases.ts';
import { assignIdentity, createAssignedWorkspace, listAssigned, unassignIdentity } from './identities/assignments.ts';
import { effectiveIdentities, usableIdentities } from './identities/effective.ts';
import {
  changeIdentity,
  createIdentity,
  createUseGrant,
  getIdentity,
  listAllIdentities,
  listUseGrants,
  removeIdentity,
  removeUseGrant,
} from './identities/identities.ts';
import { listIdentityMasks, maskIdentity, unmaskIdentity } from './identities/masks.ts';
import { moveIdentityTo } from './identities/moves.ts';
import { createSubjectGrant, listSubjectGrantsOf, removeSubjectGrant } from './identities/subjectgrants.ts';
import { createTrustActions } from './identities/trust.ts';
import type { Speakers } from './issuing/speakers.ts';
import { beatJob, finishJob, getJob, listWorkspaceJobs, startJob } from './jobs/jobs.ts';
import { createMayAct, listRightsToAct, removeMayAct } from './machines/mayact.ts';
import { createSecret, removeSecret } from './machines/secrets.ts';
import {
  changeServiceAccount,
  createServiceAccount,
  getServiceAccount,
  listAllServiceAccounts,
} from './machines/serviceaccounts.ts';
import { createTrustRuleActions } from './machines/trustrules.ts';
import { moveTo, removeNamespace } from './namespaces/moves.ts';
import { changeNamespace, createGroup, createOrganization, getNamespace, listOf } from './namespaces/namespaces.ts';
import { createQuotaActions } from './namespaces/quotas.ts';
import { changeSettings, getSettings } from './namespaces/settings.ts';
import { detachUser } from './people/detach.ts';
import { createInvitation, listAllInvitations, removeInvitation } from './people/invitations.ts';
import { leaveOrganization } from './people/leaving.ts';
import { changeMembership, createMembership, listMembers, removeMembership } from './people/memberships.ts';
import { createOwnerLink } from './people/ownerlinks.ts';
import {
  addTeamMember,
  changeTeam,
  createTeam,
  getTeam,
  listAllTeams,
  listMembersOfTeam,
  removeTeam,
  removeTeamMember,
} from './people/teams.ts';
import { changeUser, createUser, getUser, listAllUsers } from './people/users.ts';
import type { Action } from './pipeline/action.ts';
import type { QuotaCounts } from './pipeline/quotacounts.ts';

type Parts = Parameters<typeof createActionTable>[0];
export type ActionTable = ReturnType<typeof createActionTable>;

/** Every action there is, by noun: what routes and commands may perform. */
export function createActionTable(parts: {
  speakers: Speakers;
  issuer: string;
  tenancy: 'single' | 'multi';
  audit: AuditStore;
  endpoints: CloudEndpoints;
  quotas: QuotaCounts;
  /** For development: issuers on loopback may be trusted. */
  allowLoopbackIssuers: boolean;
}) {
  const { tenancy, audit } = parts;
  return {
    organizations: { create: createOrganization(tenancy) },
    groups: {
      create: createGroup,
      get: getNamespace('group'),
      list: listOf('group'),
      update: changeNamespace('group'),
      remove: removeNamespace('group'),
      move: moveTo('group'),
    },
    workspaces: {
      create: createAssignedWorkspace,
      get: getNamespace('workspace'),
      list: listOf('workspace'),
      update: changeNamespace('workspace'),
      remove: removeNamespace('workspace'),
      move: moveTo('workspace'),
    },
    users: { create: createUser, get: getUser, list: listAllUsers, update: changeUser, leave: leaveOrganization },
    owners: { createLink: createOwnerLink },
    userIdentities: { detach: detachUser },
    invitations: { create: createInvitation, list: listAllInvitations, remove: removeInvitation },
    memberships: {
      create: createMembership,
      list: listMembers,
      update: changeMembership,
      remove: removeMembership,
    },
    serviceAccounts: {
      create: createServiceAccount,
      get: getServiceAccount,
      list: listAllServiceAccounts,
      update: changeServiceAccount,
      createSecret,
      removeSecret,
      createMayAct,
      listMayAct: listRightsToAct,
      removeMayAct,
    },
    trustRules: createTrustRuleActions({
      own: [parts.issuer, `${parts.issuer}/oauth2`],
      allowLoopback: parts.allowLoopbackIssuers,
    }),
    identities: {
      create: createIdentity(parts),
      get: getIdentity,
      list: listAllIdentities,
      update: changeIdentity(parts),
      remove: removeIdentity,
      createGrant: createUseGrant,
      listGrants: listUseGrants,
      removeGrant: removeUseGrant,
      createSubjectGrant,
      listSubjectGrants: listSubjectGrantsOf,
      removeSubjectGrant,
      ...createTrustActions(parts.speakers),
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
    accessRules: { create: createAccessRule, list: listRules, update: changeAccessRule, remove: removeAccessRule },
    settings: { get: getSettings, update: changeSettings },
    reach: {
      move: moveIdentityTo,
      createAlias,
      listAliases: listIdentityAliases,
      removeAlias,
      mask: maskIdentity,
      unmask: unmaskIdentity,
      listMasks: listIdentityMasks,
    },
    assignments: {
      assign: assignIdentity,
      unassign: unassignIdentity,
      list: listAssigned,
      listUsable: usableIdentities,
      listEffective: effectiveIdentities,
    },
    jobs: { start: startJob, get: getJob, list: listWorkspaceJobs, end: finishJob, beat: beatJob },
    audit: createAuditActions(audit),
    quotas: createQuotaActions(parts.quotas),
  };
}

/** What requests for an action may bring, for documents: as the pipeline reads it of the action itself. */
export interface ActionTraits {
  /** The token of a job opens it, beside an access token. */
  opensToJob: boolean;
  /** `If-Match` is held against a version. */
  hasVersion: boolean;
  /** The quotas of what it adds. */
  adds: readonly QuotaName[];
}

/** By the names of the actions. What none of the table does has none: the mint, and what operators redeem. */
export function actionTraits(): ReadonlyMap<string, ActionTraits> {
  // What an action works with says nothing of its traits, and is not read before it runs.
  const table = createActionTable({} as Parts);
  const actions: Pick<Action<never, never, unknown>, 'name' | 'opensToJob' | 'version' | 'adds'>[] = Object.values(
    table,
  ).flatMap((ofNoun) => Object.values(ofNoun));
  return new Map(
    actions.map(({ name, opensToJob, version, adds = [] }) => [
      name,
      { opensToJob: opensToJob !== undefined, hasVersion: version !== undefined, adds },
    ]),
  );
}
