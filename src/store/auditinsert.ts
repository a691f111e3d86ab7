import type { AuditEvent } from '../core/audit.ts';
import { canonicalFields, canonicalText, eventFields } from '../core/auditchain.ts';
import { type Premise, premiseColumns, premiseHolds, premiseNames } from './premise.ts';

/** An event to be recorded, whatever happens or where its premise holds. */
export interface Asked {
  event: AuditEvent;
  premise?: Premise;
}

type Mac = (text: string) => Buffer;

/** Column and type of each field. */
const columns = {
  id: 'text',
  at: 'timestamptz',
  action: 'text',
  outcome: 'text',
  code: 'text',
  organization_id: 'text',
  actor_kind: 'text',
  actor_id: 'text',
  user_id: 'text',
  workspace_id: 'text',
  identity_id: 'text',
  job_id: 'text',
  target_id: 'text',
  jti: 'text',
  signing_input_sha256: 'text',
  request_id: 'text',
  parent_id: 'text',
  detail: 'jsonb',
} as const satisfies Record<keyof AuditEvent, string>;

/** What the application gives of a row; the position in the chain is the database's to give. */
export const auditColumns = [...eventFields, 'mac'];

const given: Readonly<Record<string, string>> = { ...columns, mac: 'bytea', ...premiseColumns };
const names = [...auditColumns, ...premiseNames];
const parameters = new Map(names.map((name, index) => [name, `$${index + 1}`]));
const inArrays = names.filter((name) => name !== 'detail');

/**
 * Any number of events in one INSERT: a parameter for each column, with what all of them have there. Rows of JSON take
 * PostgreSQL a fifth longer: it reads each `detail` twice, and hashes the names in every row. The arrays cannot tell the
 * planner their length, which would make it plan anew for each: it takes the estimate for jsonb_array_elements, the larger.
 */
export const auditInsert = `INSERT INTO audit_events (${auditColumns}) SELECT ${auditColumns} FROM ROWS FROM (
    unnest(${inArrays.map((name) => `${parameters.get(name)}::${given[name]}[]`)}),
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
  const row = fields.map((field, index) => (eventFields[index] === 'detail' ? field! : elementOf(field)));
  row[atIndex] = `"${new Date(event.at).toISOString()}"`;
  row.push(`"\\\\x${mac(text).toString('hex')}"`);
  for (const name of premiseNames) row.push(premise === undefined ? 'NULL' : String(premise[name]));
  return row;
}

const atIndex = eventFields.indexOf('at');

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
