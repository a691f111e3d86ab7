import { createHash } from 'node:crypto';
import { type Checkpoint, canonicalEvent } from '../../core/auditchain.ts';
import type { AuditKeys } from '../../signing/auditkeys.ts';
import type { AuditChainStore, ChainedEvent, StoredCheckpoint } from '../../store/audit/chain.ts';
import { openCheckpoint, sha256 } from './chain.ts';

/** What is wrong with the stored audit, by the first thing that shows it. */
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
  /** Events of releases that had no chain: nothing is known of them. */
  before_chain: number;
  /** The first hundred. */
  faults: AuditFault[];
  fault_count: number;
}

const maximumFaults = 100;
const checkpointsAtOnce = 20;
const eventsAtOnce = 500;

/**
 * Reads the whole audit, in bounded memory, while others append to it. `kept` is a checkpoint that was exported before: what
 * is gone since then, with the checkpoints that covered it, shows by it alone.
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
  if (kept !== undefined && !isKeptFound) walk.missing(kept, before);
  return await walk.end();
}

function createWalk(store: AuditChainStore, keys: AuditKeys) {
  const report: AuditReport = {
    checkpoints: 0,
    newest: undefined,
    covered: 0,
    uncovered: { count: 0, since: null },
    before_chain: 0,
    faults: [],
    fault_count: 0,
  };
  /** Everything up to this position was looked at; undefined before the first checkpoint that can be read. */
  let reached: number | undefined;
  let isBeforeSound = true;

  function fault(kind: AuditFault['kind'], detail: string, event_id?: string): void {
    report.fault_count++;
    if (report.faults.length < maximumFaults)
      report.faults.push({ kind, detail, ...(event_id !== undefined && { event_id }) });
  }

  /** Each event by itself: is it what Arsia recorded? */
  async function* checked(after: number, upto: number): AsyncGenerator<ChainedEvent> {
    for (let from = after; ; ) {
      const rows = await store.events(from, upto, eventsAtOnce);
      for (const row of rows) {
        const { event, mac, position } = row;
        const fits = keys.isMac(mac, canonicalEvent(event));
        if (!fits) fault('altered', `Event ${event.id} (position ${position}) is not what Arsia recorded.`, event.id);
        yield row;
      }
      if (rows.length < eventsAtOnce) return;
      from = rows.at(-1)!.position;
    }
  }

  /** What stands in a stretch against what stood there when the checkpoint was made; `listed` are the ids of then. */
  async function stretch(said: Checkpoint, listed: string[]): Promise<void> {
    const { number, after, upto, count, digest, event_ids } = said;
    const hash = createHash('sha256');
    const present: string[] = [];
    const faultsBefore = report.fault_count;
    for await (const { position, mac, event } of checked(after, upto)) {
      hash.update(bigEndian(position)).update(mac);
      present.push(event.id);
    }
    report.covered += present.length;
    const isSame = present.length === count && sha256(present.join(' ')) === event_ids;
    if (isSame && hash.digest('hex') === digest) return;
    const [removed, added] = [without(listed, present), without(present, listed)];
    for (const id of removed) fault('removed', `Event ${id} is gone; checkpoint ${number} covers it.`, id);
    for (const id of added)
      fault('added', `Event ${id} stands in checkpoint ${number} and was not there when that was made.`, id);
    if (removed.length + added.length === 0)
      for (const [index, id] of present.entries())
        if (listed[index] !== id) fault('moved', `Event ${id} stands in another place of checkpoint ${number}.`, id);
    if (report.fault_count === faultsBefore)
      fault('moved', `Events of checkpoint ${number} (positions ${after + 1} to ${upto}) have other positions.`);
  }

  /** Where no checkpoint says what stood there, each event still speaks for itself. */
  async function gap(after: number, upto: number): Promise<void> {
    if (after < upto) for await (const _ of checked(after, upto));
  }

  /** The position from which on there is a chain. */
  async function chainBegin(said?: number): Promise<number> {
    const begin = said ?? (await store.lastBeforeChain());
    report.before_chain = await store.countUpTo(begin);
    // The migration that began the chain numbered what it found without a gap.
    if (report.before_chain !== begin)
      fault('removed', `Of the ${begin} events from before the chain there are ${report.before_chain}.`);
    return begin;
  }

  return {
    async checkpoint(stored: StoredCheckpoint & { event_ids: string }, before: StoredCheckpoint | undefined) {
      report.checkpoints++;
      const { number, signed, event_ids } = stored;
      const said = openCheckpoint(keys, signed);
      if (said === undefined || said.number !== number) {
        isBeforeSound = false;
        return fault('checkpoint', `Checkpoint ${number} is not one that this installation signed as ${number}.`);
      }
      const expected = (before?.number ?? 0) + 1;
      if (number !== expected) fault('checkpoint', `${checkpointsOf(expected, number - 1)} gone.`);
      else if (isBeforeSound && said.previous !== (before === undefined ? null : sha256(before.signed)))
        fault('checkpoint', `Checkpoint ${number} was made after another checkpoint ${number - 1} than is stored.`);
      if (reached !== undefined && said.after < reached)
        fault('checkpoint', `Checkpoint ${number} covers positions that another one covers.`);
      isBeforeSound = true;
      report.newest = said;
      await gap(reached ?? (await chainBegin(number === 1 ? said.after : undefined)), said.after);
      if (sha256(event_ids) !== said.event_ids)
        fault('checkpoint', `The ids of the events of checkpoint ${number} were altered.`);
      await stretch(said, event_ids === '' ? [] : event_ids.split(' '));
      reached = said.upto;
    },

    /** The kept checkpoint is not among the stored ones. */
    missing(kept: string, last: StoredCheckpoint | undefined) {
      const said = openCheckpoint(keys, kept);
      if (said === undefined)
        return fault('cut_off', 'The given checkpoint is not signed by this installation, so it tells nothing.');
      if (said.number <= (last?.number ?? 0))
        return fault('cut_off', `The given checkpoint ${said.number} is not the stored one: the audit was rewritten.`);
      const gone = checkpointsOf((last?.number ?? 0) + 1, said.number);
      fault('cut_off', `${gone} gone, and events up to position ${said.upto} with them.`);
    },

    async end(): Promise<AuditReport> {
      const from = reached ?? (await chainBegin());
      for await (const { event } of checked(from, Number.MAX_SAFE_INTEGER)) {
        report.uncovered.count++;
        if (Number.isFinite(event.at)) report.uncovered.since ??= event.at;
      }
      for (const id of await store.misplaced(maximumFaults))
        fault('added', `Event ${id} has no position in the chain.`, id);
      return report;
    },
  };
}

function without(all: string[], others: string[]): string[] {
  const known = new Set(others);
  return all.filter((one) => !known.has(one));
}

function checkpointsOf(first: number, last: number): string {
  return first === last ? `Checkpoint ${first} is` : `Checkpoints ${first} to ${last} are`;
}

function bigEndian(position: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(position));
  return bytes;
}
