import type { Clock } from '../../core/clock.ts';
import type { Database } from '../../database/connections.ts';
import { createAuditKeys } from '../../signing/auditkeys.ts';
import { createAuditChainStore } from '../../store/audit/chain.ts';
import { type AuditFilter, createAuditStore, everyOrganization } from '../../store/audit/events.ts';
import { type CountedAudit, countRefusals } from '../pipeline/refusals.ts';
import { type AuditChainParts, createAuditChain, type KeptCheckpoint } from './chain.ts';
import { formatEventPages } from './events.ts';
import type { AuditReport } from './report.ts';
import { verifyAudit } from './verify.ts';

/** The audit with its keys, its checkpoints, and the counts of unauthenticated refusals. */
export interface AuditTrail {
  audit: CountedAudit;
  /** Loads the keys. Nothing can be recorded before. */
  open(): Promise<void>;
  /**
   * Writes what is due: the counts of past minutes and a checkpoint. Throws `unavailable` while the database is away;
   * the next round writes the rest.
   */
  runRound(): Promise<void>;
  /** Writes all counts and a last checkpoint, so that nothing waits for another round. */
  close(): Promise<void>;
  /** Makes a checkpoint over all events and returns it; undefined where there are no events. */
  makeCheckpoint(): Promise<KeptCheckpoint | undefined>;
  verify(kept?: string): Promise<AuditReport>;
  /**
   * Yields events as JSON lines in the order of positions: of all organisations and the installation, unless the filter
   * names one.
   */
  exportLines(filter: Partial<AuditFilter>, after_position?: number): AsyncIterable<string>;
}

export function createAuditTrail(parts: {
  database: Database;
  /** The secret of all replicas from which the keys are derived. */
  secret(): Promise<Uint8Array>;
  clock: Clock;
  /** Seconds. */
  interval: number;
  log: AuditChainParts['log'];
}): AuditTrail {
  const { database, secret, clock, interval, log } = parts;
  const keys = createAuditKeys(secret);
  const audit = countRefusals(createAuditStore(database, keys), clock);
  const store = createAuditChainStore(database);
  const chain = createAuditChain({ store, keys, clock, interval, log });
  return {
    audit,
    open: keys.load,
    async runRound() {
      await audit.flush();
      await chain.seal();
    },
    async close() {
      await audit.flush({ isLast: true });
      await chain.seal({ force: true });
    },
    async makeCheckpoint() {
      await chain.seal({ force: true });
      return await chain.newest();
    },
    verify: (kept) => verifyAudit(store, keys, kept),
    exportLines: (filter, after_position) =>
      formatEventPages(audit, { organization_id: everyOrganization, ...filter }, after_position),
  };
}
