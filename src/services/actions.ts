import type { QuotaName } from '../core/quotas.ts';
import type { AuditStore } from '../store/audit/events.ts';
import { createAuditActions } from './audit/events.ts';
import { createIdentityActions } from './identities/actions.ts';
import { jobActions } from './jobs/actions.ts';
import { createMachineActions } from './machines/actions.ts';
import { createNamespaceActions } from './namespaces/actions.ts';
import { createPeopleActions } from './people/actions.ts';
import type { Action } from './pipeline/action.ts';

type Parts = Parameters<typeof createIdentityActions>[0] &
  Parameters<typeof createMachineActions>[0] &
  Parameters<typeof createNamespaceActions>[0] &
  Parameters<typeof createPeopleActions>[0] & { audit: AuditStore };

export type ActionTable = ReturnType<typeof createActionTable>;

/** Returns all actions, by noun: everything that routes and commands can perform. */
export function createActionTable(parts: Parts) {
  return {
    ...createNamespaceActions(parts),
    ...createPeopleActions(parts),
    ...createMachineActions(parts),
    ...createIdentityActions(parts),
    ...jobActions,
    audit: createAuditActions(parts.audit),
  };
}

/** Properties of an action that the OpenAPI document shows. */
export interface ActionTraits {
  needs: Action<never, never, unknown>['needs'];
  /** True: each success leaves an audit event. False: only a refusal does. */
  changes: boolean;
  /** Operators may perform it on every organisation. */
  opensToOperator: boolean;
  /** A job token authorises it as an access token does. */
  opensToJob: boolean;
  /** `If-Match` is compared with a version. */
  hasVersion: boolean;
  /** The quotas of what it adds. */
  adds: readonly QuotaName[];
}

/**
 * Returns the traits of each action by name. The mint and the admin links are not actions of the table and have none.
 */
export function listActionTraits(): ReadonlyMap<string, ActionTraits> {
  // Actions read their parts only when they run, so the traits need none.
  const table = createActionTable({} as Parts);
  const actions: Pick<
    Action<never, never, unknown>,
    'name' | 'needs' | 'changes' | 'opensToOperator' | 'opensToJob' | 'version' | 'adds'
  >[] = Object.values(table).flatMap((ofNoun) => Object.values(ofNoun));
  return new Map(
    actions.map(({ name, needs, changes, opensToOperator, opensToJob, version, adds = [] }) => [
      name,
      {
        needs,
        changes,
        opensToOperator: opensToOperator === true,
        opensToJob: opensToJob !== undefined,
        hasVersion: version !== undefined,
        adds,
      },
    ]),
  );
}
