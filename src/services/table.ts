import type { QuotaName } from '../core/quotas.ts';
import type { CloudEndpoints } from '../providers/provider.ts';
import type { AuditStore } from '../store/audit.ts';
import {
  changeAccessRule,
  changeSettings,
  createAccessRule,
  getSettings,
  listRules,
  removeAccessRule,
} from './accessrules.ts';
import type { Action } from './action.ts';
import { assignIdentity, createAssignedWorkspace, listAssigned, unassignIdentity } from './assignments.ts';
import { createAuditActions } from './auditevents.ts';
import { detachUser } from './detach.ts';
import {
  changeIdentity,
  createIdentity,
  createUseGrant,
  getIdentity,
  listAllIdentities,
  listUseGrants,
  removeUseGrant,
} from './identities.ts';
import { createInvitation, listAllInvitations, removeInvitation } from './invitations.ts';
import type { Issuers } from './issuers.ts';
import { beatJob, finishJob, getJob, listWorkspaceJobs, startJob } from './jobs.ts';
import { leaveOrganization } from './leaving.ts';
import { changeMembership, createMembership, listMembers, removeMembership } from './memberships.ts';
import { moveTo, removeNamespace } from './namespacemoves.ts';
import { changeNamespace, createGroup, createOrganization, getNamespace, listOf } from './namespaces.ts';
import { createOwnerLink } from './ownerlinks.ts';
import type { QuotaCounts } from './quotacounts.ts';
import { createQuotaActions } from './quotas.ts';
import {
  createAlias,
  effectiveIdentities,
  listIdentityAliases,
  listIdentityMasks,
  maskIdentity,
  moveIdentityTo,
  removeAlias,
  removeIdentity,
  unmaskIdentity,
  usableIdentities,
} from './reach.ts';
import {
  changeServiceAccount,
  createMayAct,
  createSecret,
  createServiceAccount,
  getServiceAccount,
  listAllServiceAccounts,
  listRightsToAct,
  removeMayAct,
  removeSecret,
} from './serviceaccounts.ts';
import { createSubjectGrant, listSubjectGrantsOf, removeSubjectGrant } from './subjectgrants.ts';
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
import { createTrustActions } from './trust.ts';
import { createTrustRuleActions } from './trustrules.ts';
import { changeUser, createUser, getUser, listAllUsers } from './users.ts';

type Parts = Parameters<typeof createActionTable>[0];
export type ActionTable = ReturnType<typeof createActionTable>;

/** Every action there is, by noun: what routes and commands may perform. */
export function createActionTable(parts: {
  issuers: Issuers;
  issuer: string;
  tenancy: 'single' | 'multi';
  audit: AuditStore;
  endpoints: CloudEndpoints;
  quotas: QuotaCounts;
  /** The JWKS of the workload issuer, as text. */
  publishedKeys(): { jwks: string };
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
      ...createTrustActions(parts),
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
