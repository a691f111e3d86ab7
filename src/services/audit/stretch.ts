import { createHash } from 'node:crypto';
import { type Checkpoint, canonicalEvent } from '../../core/auditchain.ts';
import type { AuditKeys } from '../../signing/auditkeys.ts';
import type { AuditChainStore, ChainedEvent } from '../../store/audit/chain.ts';
import type { AddFault } from './report.ts';

const eventsAtOnce = 500;

/**
 * Yields the stored events of the positions above `after`, up to `upto`. Reports each event that differs from what
 * Arsia recorded.
 */
export async function* readCheckedEvents(
  { store, keys, fault }: { store: AuditChainStore; keys: AuditKeys; fault: AddFault },
  after: number,
  upto: number,
): AsyncGenerator<ChainedEvent> {
  for (let from = after; ; ) {
    const rows = await store.events(from, upto, eventsAtOnce);
    for (const row of rows) {
      const { event, mac, position } = row;
      if (!keys.isMac(mac, canonicalEvent(event)))
        fault('altered', `Event ${event.id} (position ${position}) differs from what Arsia recorded.`, event.id);
      yield row;
    }
    if (rows.length < eventsAtOnce) return;
    from = rows.at(-1)!.position;
  }
}

/** Returns the ids of events in their order, and the digest that a checkpoint over them has. */
export async function readStretch(events: AsyncIterable<ChainedEvent>): Promise<{ ids: string[]; digest: string }> {
  const hash = createHash('sha256');
  const ids: string[] = [];
  for await (const { position, mac, event } of events) {
    hash.update(encodePosition(position)).update(mac);
    ids.push(event.id);
  }
  return { ids, digest: hash.digest('hex') };
}

/** Reports each event that is missing, was added or has moved. `listed` are the ids when the checkpoint was made. */
export function compareIds({ number }: Checkpoint, listed: string[], present: string[], fault: AddFault): void {
  const [removed, added] = [subtract(listed, present), subtract(present, listed)];
  for (const id of removed) fault('removed', `Event ${id} is missing; checkpoint ${number} covers it.`, id);
  for (const id of added)
    fault('added', `Event ${id} was added after checkpoint ${number}, at a position that this covers.`, id);
  if (removed.length + added.length > 0) return;
  for (const [index, id] of present.entries())
    if (listed[index] !== id) fault('moved', `Event ${id} has moved within checkpoint ${number}.`, id);
}

function subtract(all: string[], others: string[]): string[] {
  const known = new Set(others);
  return all.filter((one) => !known.has(one));
}

function encodePosition(position: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(position));
  return bytes;
}
