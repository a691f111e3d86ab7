import type { Speakers } from '../issuing/speakers.ts';
import { changeAccessRule, createAccessRule, listRules, removeAccessRule } from './accessrules.ts';
import { createAlias, listIdentityAliases, removeAlias } from './aliases.ts';
import { assignIdentity, listAssigned, unassignIdentity } from './assignments.ts';
import { effectiveIdentities, usableIdentities } from './effective.ts';
import {
  changeIdentity,
  createIdentity,
  getIdentity,
  listAllIdentities,
  type Outside,
  removeIdentity,
} from './identities.ts';
import { listIdentityMasks, maskIdentity, unmaskIdentity } from './masks.ts';
import { moveIdentityTo } from './moves.ts';
import { createSubjectGrant, listSubjectGrantsOf, removeSubjectGrant } from './subjectgrants.ts';
import { createTrustActions } from './trust.ts';
import { createUseGrant, listUseGrants, removeUseGrant } from './usegrants.ts';

export function identityActions(parts: Outside & { speakers: Speakers }) {
  return {
    identities: {
      create: createIdentity(parts),
      get: getIdentity,
      list: listAllIdentities,
      update: changeIdentity(parts),
      remove: removeIdentity,
      move: moveIdentityTo,
      ...createTrustActions(parts.speakers),
    },
    useGrants: { create: createUseGrant, list: listUseGrants, remove: removeUseGrant },
    subjectGrants: { create: createSubjectGrant, list: listSubjectGrantsOf, remove: removeSubjectGrant },
    accessRules: { create: createAccessRule, list: listRules, update: changeAccessRule, remove: removeAccessRule },
    aliases: { create: createAlias, list: listIdentityAliases, remove: removeAlias },
    masks: { create: maskIdentity, list: listIdentityMasks, remove: unmaskIdentity },
    assignments: {
      assign: assignIdentity,
      unassign: unassignIdentity,
      list: listAssigned,
      listUsable: usableIdentities,
      listEffective: effectiveIdentities,
    },
  };
}
