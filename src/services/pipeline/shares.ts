import type { Caller } from '../../core/principals.ts';
import { createFairPlaces, type FairPlaces } from '../../fairness/fairplaces.ts';

/**
 * The kind of load that an action puts on the server. `change` and `read` are small, `heavy` changes a whole tree,
 * `search` may read the whole audit, `evaluation` computes for long.
 */
export type Load = 'change' | 'read' | 'heavy' | 'search' | 'evaluation';

export type Shares = Readonly<Record<Load, FairPlaces>>;

/**
 * Creates the fair queues of each kind of load. Actions use a part of the database connections, and one organisation
 * `share` of that part (docs/decisions/0016). The other connections are kept for minting: facts, records, and the
 * caller of each request.
 */
export function createShares({ connections, share }: { connections: number; share: number }): Shares {
  const limitConnections = (tasks: string, part: number) => {
    const most = Math.max(1, Math.floor(connections * part));
    const mostPerTenant = Math.ceil(most * share);
    return { tasks, most, mostPerTenant, maximumWaiting: 4_000, maximumWaitingPerTenant: 1_000, patience: 5_000 };
  };
  return {
    change: createFairPlaces(limitConnections('changes', 0.25)),
    // Long lists occupy the event loop, which all tenants share: a tenant may read them a third of the time.
    read: createFairPlaces({ ...limitConnections('reads', 0.2), rest: { measure: 'loop', after: 10, factor: 2 } }),
    heavy: createFairPlaces({
      tasks: 'deletions and moves',
      most: 2,
      mostPerTenant: 1,
      maximumWaiting: 100,
      maximumWaitingPerTenant: 20,
      patience: 10_000,
    }),
    // An evaluation blocks the event loop for up to about 50 ms.
    evaluation: createFairPlaces({
      tasks: 'evaluations of documents',
      most: 2,
      mostPerTenant: 1,
      maximumWaiting: 100,
      maximumWaitingPerTenant: 20,
      patience: 10_000,
      rest: { measure: 'loop', after: 15, factor: 4 },
    }),
    // The audit store runs one search of an organisation at a time (src/store/audit/events.ts). The others wait here,
    // where they block no other tenant.
    search: createFairPlaces({
      tasks: 'audit searches',
      most: 16,
      mostPerTenant: 4,
      maximumWaiting: 400,
      maximumWaitingPerTenant: 50,
      patience: 10_000,
    }),
  };
}

/** Returns the tenant whose share a call uses. Operators, unauthenticated callers and the server are one tenant. */
export function findTenant(caller: Caller): string {
  return 'organization_id' in caller && caller.organization_id !== null ? caller.organization_id : 'installation';
}
