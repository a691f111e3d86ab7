import { type AuditEvent, eventFields } from '../../core/audit.ts';
import { canonicalFields, canonicalText } from '../../core/auditchain.ts';
import { auditColumns } from '../../database/tables/audit.ts';
import { type Premise, premiseColumns, premiseHolds, premiseNames } from '../issuing/premise.ts';

/** An event to be recorded, whatever happens or where its premise holds. */
export interface Asked {
  event: AuditEvent;
  premise?: Premise;
}

type Mac = (text: string) => Buffer;

/** Of the columns that are not text. */
const types: Readonly<Record<string, string>> = { at: 'timestamptz', mac: 'bytea', ...premiseColumns };

const names = [...auditColumns, ...premiseNames];

const parameters = new Map(names.map((name, index) => [name, `$${index + 1}`]));

const inArrays = names.filter((name) => name !== 'detail');

/**
 * Any number of events in one INSERT: a parameter for each column, with what all of them have there. Rows of JSON take
 * PostgreSQL more: it reads each `detail` twice, and hashes the names in every row. jsonb_array_elements is estimated at a
 * hundred rows whatever it is given, so that a plan for the length of one call never looks cheaper than the one that is kept:
 * with arrays alone a connection that begins with single events would plan anew for ever.
 */
export const auditInsert = `INSERT INTO audit_events (${auditColumns}) SELECT ${auditColumns} FROM ROWS FROM (
    unnest(${inArrays.map((name) => `${parameters.get(name)}::${types[name] ?? 'text'}[]`)}),
    jsonb_array_elements(${parameters.get('detail')}::jsonb)
  ) AS event (${inArrays}, detail) WHERE ${premiseHolds}`;

/** The values for `auditInsert`: array literals, and a JSON array. */
export function auditInsertValues(asked: readonly Asked[], mac: Mac): string[] {
  const rows = asked.map((one) => rowOf(one, mac));
  return names.map((name, index) => {
    const values = rows.map((row) => row[index]).join();
    return name === 'detail' ? `[${values}]` : `{${values}}`;
  });
}

/** What stands for one event in each of the values. */
function rowOf({ event, premise }: Asked, mac: Mac): string[] {
  let fields = canonicalFields(event);
  let text = canonicalText(fields);
  if (text.includes('\\u') && unstorable.test(text)) {
    fields = canonicalFields(storable(JSON.parse(JSON.stringify(event))) as AuditEvent);
    text = canonicalText(fields);
  }
  const row = eventFields.map((name, index) => {
    if (name === 'at') return `"${new Date(event.at).toISOString()}"`;
    return name === 'detail' ? fields[index]! : elementOf(fields[index]!);
  });
  row.push(`"\\\\x${mac(text).toString('hex')}"`);
  for (const name of premiseNames) row.push(premise === undefined ? 'NULL' : `"${premise[name]}"`);
  return row;
}

/** An element of an array literal (PostgreSQL manual, 8.15.6). Without escapes it is quoted as in JSON; its escapes are others. */
function elementOf(json: string | null): string {
  if (json === null) return 'NULL';
  return json.includes('\\') ? `"${String(JSON.parse(json)).replace(/["\\]/g, '\\$&')}"` : json;
}

/**
 * PostgreSQL stores neither NUL nor half a surrogate pair: one such character, sent by one caller, would refuse the records of
 * everybody in the same INSERT.
 */
const unstorable = /\\u(?:0000|d[89a-f])/i;

function storable(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed().replaceAll('\0', '\uFFFD');
  if (Array.isArray(value)) return value.map(storable);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [storable(key), storable(member)]));
}
