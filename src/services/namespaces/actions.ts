import { createAssignedWorkspace } from '../identities/assignments.ts';
import type { QuotaCounts } from '../pipeline/quotacounts.ts';
import { moveTo, removeNamespace } from './moves.ts';
import { changeNamespace, createGroup, createOrganization, getNamespace, listOf } from './namespaces.ts';
import { createQuotaActions } from './quotas.ts';
import { changeSettings, getSettings } from './settings.ts';

export function namespaceActions(parts: { tenancy: 'single' | 'multi'; quotas: QuotaCounts }) {
  return {
    organizations: { create: createOrganization(parts.tenancy) },
    groups: { create: createGroup, ...actionsOf('group') },
    workspaces: { create: createAssignedWorkspace, ...actionsOf('workspace') },
    settings: { get: getSettings, update: changeSettings },
    quotas: createQuotaActions(parts.quotas),
  };
}

function actionsOf(kind: 'group' | 'workspace') {
  return {
    get: getNamespace(kind),
    list: listOf(kind),
    update: changeNamespace(kind),
    remove: removeNamespace(kind),
    move: moveTo(kind),
  };
}
