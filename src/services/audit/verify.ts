import type { Checkpoint } from '../../core/auditchain.ts';
import type { AuditKeys } from '../../signing/auditkeys.ts';
import type { AuditChainStore, StoredCheckpoint } from '../../store/audit/chain.ts';
import { openCheckpoint, sha256 } from './chain.ts';
import { type AuditReport, createReport, maximumFaults } from './report.ts';
import { compareIds, readCheckedEvents, readStretch } from './stretch.ts';

const checkpointsAtOnce = 20;

/**
 * Verifies the whole audit, in bounded memory, while events are appended. `kept` is a checkpoint that was exported
 * earlier: only it shows that events are missing whose checkpoints were deleted too.
 */
export async function verifyAudit(store: AuditChainStore, keys: AuditKeys, kept?: string): Promise<AuditReport> {
  const walk = createWalk(store, keys);
  let before: StoredCheckpoint | undefined;
  let isKeptFound = false;
  for (;;) {
    const stored = await store.checkpoints(before?.number ?? 0, checkpointsAtOnce);
    if (stored.length === 0) break;
    for (const one of stored) {
      if (one.signed === kept) isKeptFound = true;
      await walk.checkpoint(one, before);
      before = one;
    }
  }
  if (kept !== undefined && !isKeptFound) walk.fault('cut_off', explainCutOff(keys, kept, before?.number ?? 0));
  return await walk.end();
}

function createWalk(store: AuditChainStore, keys: AuditKeys) {
  const walked = createReport();
  const { report, fault } = walked;
  const events = (after: number, upto: number) => readCheckedEvents({ store, keys, fault }, after, upto);
  /** The position up to which events were checked; undefined before the first valid checkpoint. */
  let reached: number | undefined;
  let isBeforeSound = true;

  /** Checks the events of a checkpoint. `listed` are their ids when it was made. */
  async function checkStretch(claimed: Checkpoint, listed: string[]): Promise<void> {
    const { number, after, upto, count, digest, event_ids } = claimed;
    const faultsBefore = report.fault_count;
    const present = await readStretch(events(after, upto));
    report.covered += present.ids.length;
    const isSame = present.ids.length === count && sha256(present.ids.join(' ')) === event_ids;
    if (isSame && present.digest === digest) return;
    compareIds(claimed, listed, present.ids, fault);
    if (report.fault_count === faultsBefore)
      fault('moved', `Events of checkpoint ${number} (positions ${after + 1} to ${upto}) have other positions.`);
  }

  /** Checks the events between checkpoints by their MACs alone. */
  async function checkGap(after: number, upto: number): Promise<void> {
    if (after < upto) for await (const _ of events(after, upto));
  }

  /** Compares a checkpoint with the one before it. */
  function checkPlace(claimed: Checkpoint, before: StoredCheckpoint | undefined): void {
    const { number } = claimed;
    const expected = (before?.number ?? 0) + 1;
    if (number !== expected) fault('checkpoint', `${formatCheckpoints(expected, number - 1)} missing.`);
    else if (isBeforeSound && claimed.previous !== (before === undefined ? null : sha256(before.signed)))
      fault('checkpoint', `Checkpoint ${number} follows another checkpoint ${number - 1} than the stored one.`);
    if (reached !== undefined && claimed.after < reached)
      fault('checkpoint', `Checkpoint ${number} covers positions that an earlier checkpoint covers.`);
  }

  return {
    async checkpoint(stored: StoredCheckpoint & { event_ids: string }, before: StoredCheckpoint | undefined) {
      report.checkpoints++;
      const { number, signed, event_ids } = stored;
      const claimed = openCheckpoint(keys, signed);
      if (claimed === undefined || claimed.number !== number) {
        isBeforeSound = false;
        return fault('checkpoint', `Checkpoint ${number} is not signed by this installation as checkpoint ${number}.`);
      }
      checkPlace(claimed, before);
      isBeforeSound = true;
      report.newest = claimed;
      await checkGap(
        reached ?? (await findChainStart(store, walked, number === 1 ? claimed.after : undefined)),
        claimed.after,
      );
      if (sha256(event_ids) !== claimed.event_ids)
        fault('checkpoint', `The ids of the events of checkpoint ${number} were altered.`);
      await checkStretch(claimed, event_ids === '' ? [] : event_ids.split(' '));
      reached = claimed.upto;
    },

    fault,

    async end(): Promise<AuditReport> {
      const from = reached ?? (await findChainStart(store, walked));
      for await (const { event } of events(from, Number.MAX_SAFE_INTEGER)) {
        report.uncovered.count++;
        if (Number.isFinite(event.at)) report.uncovered.since ??= event.at;
      }
      for (const id of await store.misplaced(maximumFaults))
        fault('added', `Event ${id} has no position in the chain.`, id);
      return report;
    },
  };
}

/** Returns the position at which the chain begins, and counts the events before it. */
async function findChainStart(
  store: AuditChainStore,
  { report, fault }: ReturnType<typeof createReport>,
  claimed?: number,
): Promise<number> {
  const begin = claimed ?? (await store.lastBeforeChain());
  report.before_chain = await store.countUpTo(begin);
  // The migration that began the chain numbered the events without a gap.
  if (report.before_chain !== begin)
    fault('removed', `Events from before the chain are missing: ${report.before_chain} of ${begin} remain.`);
  return begin;
}

/** Returns why the kept checkpoint is not among the stored ones. `last` is the number of the newest stored one. */
function explainCutOff(keys: AuditKeys, kept: string, last: number): string {
  const claimed = openCheckpoint(keys, kept);
  if (claimed === undefined) return 'The given checkpoint is not signed by this installation, so it proves nothing.';
  if (claimed.number <= last)
    return `The given checkpoint ${claimed.number} is not the stored one: the audit was rewritten.`;
  const missing = formatCheckpoints(last + 1, claimed.number);
  return `${missing} missing, and events up to position ${claimed.upto} with them.`;
}

function formatCheckpoints(first: number, last: number): string {
  return first === last ? `Checkpoint ${first} is` : `Checkpoints ${first} to ${last} are`;
}
