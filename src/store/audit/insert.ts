import { type AuditEvent, eventFields } from '../../core/audit.ts';
import { canonicalFields, canonicalText } from '../../core/auditchain.ts';
import { auditColumns } from '../../database/tables/audit.ts';
import { type Premise, premiseColumns, premiseHolds, premiseNames } from '../issuing/premise.ts';

/** An event to record: always, or only if its premise holds. */
export interface PendingEvent {
  event: AuditEvent;
  premise?: Premise;
}

type Mac = (text: string) => Buffer;

/** Types of the columns that are not text. */
const types: Readonly<Record<string, string>> = { at: 'timestamptz', mac: 'bytea', ...premiseColumns };

const names = [...auditColumns, ...premiseNames];

const parameters = new Map(names.map((name, index) => [name, `$${index + 1}`]));

const inArrays = names.filter((name) => name !== 'detail');

/**
 * Inserts any number of events. Each column has one parameter, with the values of all events. Rows of JSON would cost more:
 * PostgreSQL would read each `detail` twice, and hash the names in every row. The planner always estimates
 * jsonb_array_elements at a hundred rows, so that a plan for the length of one call never looks cheaper than the kept plan:
 * with arrays alone, a connection that begins with single events would plan every call anew.
 */
export const auditInsert = `INSERT INTO audit_events (${auditColumns}) SELECT ${auditColumns} FROM ROWS FROM (
    unnest(${inArrays.map((name) => `${parameters.get(name)}::${types[name] ?? 'text'}[]`)}),
    jsonb_array_elements(${parameters.get('detail')}::jsonb)
  ) AS event (${inArrays}, detail) WHERE ${premiseHolds}`;

/** Returns the parameters of `auditInsert`: array literals, and a JSON array for `detail`. */
export function auditInsertValues(asked: readonly PendingEvent[], mac: Mac): string[] {
  const rows = asked.map((one) => encodeRow(one, mac));
  return names.map((name, index) => {
    const values = rows.map((row) => row[index]).join();
    return name === 'detail' ? `[${values}]` : `{${values}}`;
  });
}

/** Returns the element of one event in each parameter. */
function encodeRow({ event, premise }: PendingEvent, mac: Mac): string[] {
  let fields = canonicalFields(event);
  let text = canonicalText(fields);
  if (text.includes('\\u') && unstorable.test(text)) {
    fields = canonicalFields(replaceUnstorable(JSON.parse(JSON.stringify(event))) as AuditEvent);
    text = canonicalText(fields);
  }
  const row = eventFields.map((name, index) => {
    if (name === 'at') return `"${new Date(event.at).toISOString()}"`;
    return name === 'detail' ? fields[index]! : encodeElement(fields[index]!);
  });
  row.push(`"\\\\x${mac(text).toString('hex')}"`);
  for (const name of premiseNames) row.push(premise === undefined ? 'NULL' : `"${premise[name]}"`);
  return row;
}

/**
 * Returns an element of an array literal (PostgreSQL manual, 8.15.6). It is quoted as in JSON, but escaped by other rules.
 */
function encodeElement(json: string | null): string {
  if (json === null) return 'NULL';
  return json.includes('\\') ? `"${String(JSON.parse(json)).replace(/["\\]/g, '\\$&')}"` : json;
}

/**
 * PostgreSQL rejects NUL and lone surrogates. One such character from one caller would reject the records of all callers in
 * the same INSERT.
 */
const unstorable = /\\u(?:0000|d[89a-f])/i;

function replaceUnstorable(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed().replaceAll('\0', '\uFFFD');
  if (Array.isArray(value)) return value.map(replaceUnstorable);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [replaceUnstorable(key), replaceUnstorable(member)]),
  );
}
