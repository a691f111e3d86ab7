import type { Caller } from '../core/principals.ts';
import { createFairPlaces, type FairPlaces } from '../fairplaces.ts';

/** What an action asks of the database. `heavy`: it changes a whole tree. `search`: it may read the whole audit. */
export type Load = 'light' | 'heavy' | 'search';

export type Shares = Readonly<Record<Load, FairPlaces>>;

/**
 * The part of the database's connections that actions may hold, and of it the part of one organisation (docs/decisions/0016).
 * The rest is for what every token needs: its facts, its record, the caller of each request.
 */
export function createShares({ connections }: { connections: number }): Shares {
  const light = Math.max(1, Math.floor(connections * 0.4));
  return {
    light: createFairPlaces({
      of: 'requests',
      most: light,
      mostPerTenant: Math.ceil(light / 2),
      maximumWaiting: 4_000,
      maximumWaitingPerTenant: 1_000,
      patience: 5_000,
    }),
    heavy: createFairPlaces({
      of: 'deletions and moves',
      most: 2,
      mostPerTenant: 1,
      maximumWaiting: 100,
      maximumWaitingPerTenant: 20,
      patience: 10_000,
    }),
    // Of these the audit's store runs one at a time (audit.ts); the others wait where they keep nobody else.
    search: createFairPlaces({
      of: 'audit searches',
      most: 16,
      mostPerTenant: 4,
      maximumWaiting: 400,
      maximumWaitingPerTenant: 50,
      patience: 10_000,
    }),
  };
}

/** Whose share a call takes. Operators, strangers and the server itself share one. */
export function tenantOf(caller: Caller): string {
  return 'organization_id' in caller && caller.organization_id !== null ? caller.organization_id : 'installation';
}
