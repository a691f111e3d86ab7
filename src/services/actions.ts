import type { QuotaName } from '../core/quotas.ts';
import type { AuditStore } from '../store/audit/events.ts';
import { createAuditActions } from './audit/events.ts';
import { identityActions } from './identities/actions.ts';
import { jobActions } from './jobs/actions.ts';
import { machineActions } from './machines/actions.ts';
import { namespaceActions } from './namespaces/actions.ts';
import { peopleActions } from './people/actions.ts';
import type { Action } from './pipeline/action.ts';

type Parts = Parameters<typeof identityActions>[0] &
  Parameters<typeof machineActions>[0] &
  Parameters<typeof namespaceActions>[0] & { audit: AuditStore };

export type ActionTable = ReturnType<typeof createActionTable>;

/** Returns all actions by noun: what routes and commands may perform. */
export function createActionTable(parts: Parts) {
  return {
    ...namespaceActions(parts),
    ...peopleActions,
    ...machineActions(parts),
    ...identityActions(parts),
    ...jobActions,
    audit: createAuditActions(parts.audit),
  };
}

/** What a request for an action may carry, for the OpenAPI document. */
export interface ActionTraits {
  /** A job token opens it, as an access token does. */
  opensToJob: boolean;
  /** `If-Match` is compared with a version. */
  hasVersion: boolean;
  /** The quotas of what it adds. */
  adds: readonly QuotaName[];
}

/** Returns the traits by the names of the actions. Not in the table, and so without traits: the mint and the admin links. */
export function listActionTraits(): ReadonlyMap<string, ActionTraits> {
  // Actions read their parts only when they run, so that traits need none.
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
