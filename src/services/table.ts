import type { AuditStore } from '../store/audit.ts';
import { assignIdentity, listAssigned, unassignIdentity } from './assignments.ts';
import { createAuditActions } from './auditevents.ts';
import {
  changeIdentity,
  createIdentity,
  createUseGrant,
  getIdentity,
  listAllIdentities,
  listUseGrants,
  removeIdentity,
  removeUseGrant,
} from './identities.ts';
import type { Issuers } from './issuers.ts';
import { finishJob, getJob, listWorkspaceJobs, startJob } from './jobs.ts';
import { changeMembership, createMembership, listMembers, removeMembership } from './memberships.ts';
import {
  changeNamespace,
  createGroup,
  createOrganization,
  createWorkspace,
  getNamespace,
  listOf,
  removeNamespace,
} from './namespaces.ts';
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
import { createTrustActions } from './trust.ts';
import { changeUser, createUser, getUser, listAllUsers } from './users.ts';

export type ActionTable = ReturnType<typeof createActionTable>;

/** Every action there is, by noun: what routes and commands may perform. */
export function createActionTable(parts: {
  issuers: Issuers;
  issuer: string;
  tenancy: 'single' | 'multi';
  audit: AuditStore;
}) {
  const { issuers, issuer, tenancy, audit } = parts;
  return {
    organizations: { create: createOrganization(tenancy) },
    groups: {
      create: createGroup,
      get: getNamespace('group'),
      list: listOf('group'),
      update: changeNamespace('group'),
      remove: removeNamespace('group'),
    },
    workspaces: {
      create: createWorkspace,
      get: getNamespace('workspace'),
      list: listOf('workspace'),
      update: changeNamespace('workspace'),
      remove: removeNamespace('workspace'),
    },
    users: { create: createUser, get: getUser, list: listAllUsers, update: changeUser },
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
    identities: {
      create: createIdentity(issuer),
      get: getIdentity,
      list: listAllIdentities,
      update: changeIdentity(issuer),
      remove: removeIdentity,
      createGrant: createUseGrant,
      listGrants: listUseGrants,
      removeGrant: removeUseGrant,
      ...createTrustActions(issuers, tenancy),
    },
    assignments: { assign: assignIdentity, unassign: unassignIdentity, list: listAssigned },
    jobs: { start: startJob, get: getJob, list: listWorkspaceJobs, end: finishJob },
    audit: createAuditActions(audit),
  };
}
