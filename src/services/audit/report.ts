import type { Checkpoint } from '../../core/auditchain.ts';

/** A fault of the stored audit, by the first check that finds it. */
export interface AuditFault {
  kind: 'altered' | 'removed' | 'added' | 'moved' | 'checkpoint' | 'cut_off';
  event_id?: string;
  /** A sentence for people; it names the event or the checkpoint. */
  detail: string;
}

export interface AuditReport {
  checkpoints: number;
  newest: Checkpoint | undefined;
  /** Events that a checkpoint covers. */
  covered: number;
  /** Events since the newest checkpoint, and when the first of them was (milliseconds since 1970; null without one). */
  uncovered: { count: number; since: number | null };
  /** Events of releases without a chain, which cannot be verified. */
  before_chain: number;
  /** The first hundred. */
  faults: AuditFault[];
  fault_count: number;
}

export const maximumFaults = 100;

export type AddFault = (kind: AuditFault['kind'], detail: string, event_id?: string) => void;

/** Creates an empty report, and the function that adds a fault to it. */
export function createReport(): { report: AuditReport; fault: AddFault } {
  const report: AuditReport = {
    checkpoints: 0,
    newest: undefined,
    covered: 0,
    uncovered: { count: 0, since: null },
    before_chain: 0,
    faults: [],
    fault_count: 0,
  };
  return {
    report,
    fault(kind, detail, event_id) {
      report.fault_count++;
      if (report.faults.length < maximumFaults)
        report.faults.push({ kind, detail, ...(event_id !== undefined && { event_id }) });
    },
  };
}
