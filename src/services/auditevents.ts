import type { AuditEvent } from '../core/audit.ts';
import type { AuditFilter, AuditStore } from '../store/audit.ts';
import type { Page } from '../store/namespaces.ts';
import type { Action, Context, Place } from './action.ts';
import { ownOrganization } from './namespaces.ts';

interface ListInput {
  filter: Omit<AuditFilter, 'organization_id'>;
  page: Page;
}

/** Owners read their organisation's events, operators the installation's: nobody reads another organisation's. */
export function createAuditActions(audit: AuditStore): { list: Action<ListInput, Place, AuditEvent[]> } {
  return {
    list: {
      name: 'audit_event.list',
      needs: 'member',
      changes: false,
      find: ownOrganization,
      async run(context, { filter, page }, place) {
        if (!isOperator(context)) await context.demand('audit.view', place);
        return await audit.list({ ...filter, organization_id: place.organization_id }, page);
      },
    },
  };
}

function isOperator({ caller }: Context): boolean {
  return caller.kind === 'user' && caller.is_operator && caller.organization_id === null;
}
