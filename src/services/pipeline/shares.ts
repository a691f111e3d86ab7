import type { Caller } from '../../core/principals.ts';
import { createFairPlaces, type FairPlaces } from '../../fairness/fairplaces.ts';

/**
 * The kind of load that an action puts on the server. `change` and `read` are small. `heavy` changes a whole tree. `search`
 * may read the whole audit. `evaluation` computes for long.
 */
export type Load = 'change' | 'read' | 'heavy' | 'search' | 'evaluation';

export type Shares = Readonly<Record<Load, FairPlaces>>;

/**
 * Builds the places of each kind of load. Actions hold a part of the database's connections, and one organisation holds
 * `share` of that part (docs/decisions/0016). The other connections are for what every token needs: its facts, its record,
 * the caller of each request.
 */
export function createShares({ connections, share }: { connections: number; share: number }): Shares {
  const limitConnections = (tasks: string, part: number) => {
    const most = Math.max(1, Math.floor(connections * part));
    const mostPerTenant = Math.ceil(most * share);
    return { tasks, most, mostPerTenant, maximumWaiting: 4_000, maximumWaitingPerTenant: 1_000, patience: 5_000 };
  };
  return {
    change: createFairPlaces(limitConnections('changes', 0.25)),
    // Long lists take the event loop, which all share: who reads many of them does that a third of the time.
    read: createFairPlaces({ ...limitConnections('reads', 0.2), rest: { measure: 'loop', after: 10, factor: 2 } }),
    heavy: createFairPlaces({
      tasks: 'deletions and moves',
      most: 2,
      mostPerTenant: 1,
      maximumWaiting: 100,
      maximumWaitingPerTenant: 20,
      patience: 10_000,
    }),
    // Everything else of this process waits while a document is judged, for up to some 50 ms.
    evaluation: createFairPlaces({
      tasks: 'evaluations of documents',
      most: 2,
      mostPerTenant: 1,
      maximumWaiting: 100,
      maximumWaitingPerTenant: 20,
      patience: 10_000,
      rest: { measure: 'loop', after: 15, factor: 4 },
    }),
    // The audit's store runs one search of an organisation at a time (audit.ts). The others wait here, where they keep
    // nobody else.
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

/** Returns the tenant whose share a call takes. Operators, callers without a credential and the server share one. */
export function findTenant(caller: Caller): string {
  return 'organization_id' in caller && caller.organization_id !== null ? caller.organization_id : 'installation';
}
