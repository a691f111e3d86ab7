import { type AuditEvent, eventFields } from './audit.ts';
import { canonicalJson } from './canonical.ts';

/**
 * The signed statement of an audit checkpoint (docs/decisions/0006): a range of positions has exactly these events, in this
 * order, and none can be added.
 */
export interface Checkpoint {
  /** From 1, without gaps. */
  number: number;
  /** SHA-256 of the signed checkpoint before it, hex; null for the first. */
  previous: string | null;
  /** RFC 3339. */
  at: string;
  /** The range: positions above `after`, up to and including `upto`. */
  after: number;
  upto: number;
  /** Number of events in the range. Rolled-back changes leave positions without an event. */
  count: number;
  /** SHA-256 over position (8 bytes) and MAC of each event, in the order of positions, hex. */
  digest: string;
  /** SHA-256 of the ids of the events in the same order, separated by spaces, hex. */
  event_ids: string;
}

const shape = {
  number: isCount,
  previous: (value) => value === null || isHash(value),
  at: (value) => typeof value === 'string',
  after: isCount,
  upto: isCount,
  count: isCount,
  digest: isHash,
  event_ids: isHash,
} satisfies Record<keyof Checkpoint, (value: unknown) => boolean>;

export function isCheckpoint(value: unknown): value is Checkpoint {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(shape).every(([name, fits]) => fits((value as Record<string, unknown>)[name]));
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isHash(value: unknown): boolean {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
}

/** Returns each field of an event as canonical JSON, in the order of `eventFields`; null for a field that is null. */
export function canonicalFields(event: AuditEvent): (string | null)[] {
  return eventFields.map((field) => (event[field] === null ? null : canonicalJson(event[field])));
}

/**
 * Returns the text of an event that its MAC covers. It is the same before the event is stored and after it is read, although
 * the database may reorder members. Null fields are left out, so that a new field does not change the text of old events.
 */
export function canonicalText(canonical: readonly (string | null)[]): string {
  const said = canonical.map((text, index) => text && `["${eventFields[index]}",${text}]`);
  return `[${said.filter((text) => text !== null).join()}]`;
}

export function canonicalEvent(event: AuditEvent): string {
  return canonicalText(canonicalFields(event));
}
