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

/** The audit with everything that keeps it whole: its keys, its checkpoints, the counts of what strangers were refused. */
export interface AuditTrail {
  audit: CountedAudit;
  /** Loads the keys: before it nothing can be recorded. */
  open(): Promise<void>;
  /** What is due: counts of past minutes, a checkpoint. A database that is away is `unavailable`; the next round has it all. */
  runRound(): Promise<void>;
  /** The last round: nothing that is recorded waits for another one. */
  close(): Promise<void>;
  /** The newest checkpoint, of this moment; undefined while there are no events. */
  makeCheckpoint(): Promise<KeptCheckpoint | undefined>;
  verify(kept?: string): Promise<AuditReport>;
  /** Yields JSON lines in the order of positions, of every organisation and the installation unless the filter names one. */
  exportLines(filter: Partial<AuditFilter>, after_position?: number): AsyncIterable<string>;
}

export function createAuditTrail(parts: {
  database: Database;
  /** The secret of the replicas that the keys are made of. */
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
