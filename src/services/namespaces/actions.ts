import { createAssignedWorkspace } from '../identities/assignments.ts';
import type { QuotaCounts } from '../pipeline/quotacounts.ts';
import { moveNamespaceTo, removeNamespace } from './moves.ts';
import { nameThings } from './names.ts';
import { createGroup, createOrganization, getNamespace, listVisibleNamespaces } from './namespaces.ts';
import { createQuotaActions } from './quotas.ts';
import { changeNamespace } from './renames.ts';
import { changeSettings, getSettings } from './settings.ts';

export function createNamespaceActions(parts: { tenancy: 'single' | 'multi'; quotas: QuotaCounts }) {
  return {
    organizations: { create: createOrganization(parts.tenancy) },
    groups: { create: createGroup, ...buildKindActions('group') },
    workspaces: { create: createAssignedWorkspace, ...buildKindActions('workspace') },
    names: { list: nameThings },
    settings: { get: getSettings, update: changeSettings },
    quotas: createQuotaActions(parts.quotas),
  };
}

function buildKindActions(kind: 'group' | 'workspace') {
  return {
    get: getNamespace(kind),
    list: listVisibleNamespaces(kind),
    update: changeNamespace(kind),
    remove: removeNamespace(kind),
    move: moveNamespaceTo(kind),
  };
}
