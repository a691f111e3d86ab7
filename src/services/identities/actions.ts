import type { IssuerResolver } from '../issuing/issuerresolver.ts';
import { changeAccessRule, createAccessRule, listIdentityAccessRules, removeAccessRule } from './accessrules.ts';
import { createAlias, listIdentityAliases, removeAlias } from './aliases.ts';
import { assignIdentity, listWorkspaceIdentities } from './assignments.ts';
import { listEffectiveIdentities, listUsableIdentities } from './effective.ts';
import {
  changeIdentity,
  createIdentity,
  getIdentity,
  type IssuerAndEndpoints,
  listAllIdentities,
  removeIdentity,
} from './identities.ts';
import { listIdentityMasks, listNamespaceMasks, maskIdentity, unmaskIdentity } from './masks.ts';
import { moveIdentityTo } from './moves.ts';
import { createSubjectGrant, listIdentitySubjectGrants, removeSubjectGrant } from './subjectgrants.ts';
import { createTrustActions } from './trust.ts';
import { removeAssignment, unassignIdentity } from './unassign.ts';
import { createUseGrant, listUseGrants, removeUseGrant } from './usegrants.ts';
import { listUsesOfIdentity } from './uses.ts';

export function createIdentityActions(parts: IssuerAndEndpoints & { issuerResolver: IssuerResolver }) {
  return {
    identities: {
      create: createIdentity(parts),
      get: getIdentity,
      list: listAllIdentities,
      update: changeIdentity(parts),
      remove: removeIdentity,
      move: moveIdentityTo,
      listUses: listUsesOfIdentity,
      ...createTrustActions(parts.issuerResolver),
    },
    useGrants: { create: createUseGrant, list: listUseGrants, remove: removeUseGrant },
    subjectGrants: { create: createSubjectGrant, list: listIdentitySubjectGrants, remove: removeSubjectGrant },
    accessRules: {
      create: createAccessRule,
      list: listIdentityAccessRules,
      update: changeAccessRule,
      remove: removeAccessRule,
    },
    aliases: { create: createAlias, list: listIdentityAliases, remove: removeAlias },
    masks: {
      create: maskIdentity,
      list: listIdentityMasks,
      listOfNamespace: listNamespaceMasks,
      remove: unmaskIdentity,
    },
    assignments: {
      assign: assignIdentity,
      unassign: unassignIdentity,
      remove: removeAssignment,
      list: listWorkspaceIdentities,
      listUsable: listUsableIdentities,
      listEffective: listEffectiveIdentities,
    },
  };
}
