import { type AuditEvent, eventFields } from './audit.ts';
import { canonicalJson } from './canonical.ts';

/**
 * What a checkpoint of the audit says, and signs (docs/decisions/0006): these events, in this order, and no others, stand in
 * a stretch of positions into which no more can come.
 */
export interface Checkpoint {
  /** From 1, without gaps. */
  number: number;
  /** SHA-256 of the signed checkpoint before it, hex; null for the first. */
  previous: string | null;
  /** RFC 3339. */
  at: string;
  /** The stretch: positions above `after`, up to and with `upto`. */
  after: number;
  upto: number;
  /** Events in the stretch; rolled-back changes leave positions without one. */
  count: number;
  /** SHA-256 over position (8 bytes) and MAC of each event, in the order of positions, hex. */
  digest: string;
  /** SHA-256 of the ids of the events, in the same order with blanks between, hex. */
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

/** Each field of an event as canonical JSON, in the order of `eventFields`; null for what says nothing. */
export function canonicalFields(event: AuditEvent): (string | null)[] {
  return eventFields.map((field) => (event[field] === null ? null : canonicalJson(event[field])));
}

/**
 * The one text of an event, which its MAC covers: the same before it is stored and after it is read, whatever the database
 * does to the order of members. What is null is left out, so that a new field leaves the text of old events as it was.
 */
export function canonicalText(canonical: readonly (string | null)[]): string {
  const said = canonical.map((text, index) => text && `["${eventFields[index]}",${text}]`);
  return `[${said.filter((text) => text !== null).join()}]`;
}

export function canonicalEvent(event: AuditEvent): string {
  return canonicalText(canonicalFields(event));
}
