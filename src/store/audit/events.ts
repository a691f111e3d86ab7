import { CompiledQuery, type Selectable, sql } from 'kysely';
import { type AuditEvent, type AuditReceipt, eventFields } from '../../core/audit.ts';
import { makeId } from '../../core/ids.ts';
import { coalesce } from '../../database/coalesce.ts';
import type { Database, Queries } from '../../database/connections.ts';
import { unavailable } from '../../database/failures.ts';
import type { Tables } from '../../database/tables.ts';
import { createFairPlaces } from '../../fairness/fairplaces.ts';
import type { Premise } from '../issuing/premise.ts';
import { auditInsert, auditInsertValues, type PendingEvent } from './insert.ts';
import { createFinalPosition } from './positions.ts';

export interface AuditStore {
  /**
   * Resolves when the event is committed, and not before. Concurrent events share one INSERT. Throws `unavailable` when it
   * could not be written, or when too many events wait: the recorded operation must then not take place.
   */
  record(event: AuditEvent): Promise<AuditReceipt>;
  /**
   * Records the event if the premise still holds. Otherwise records nothing and returns undefined. Throws as `record` does.
   */
  recordIf(event: AuditEvent, premise: Premise): Promise<AuditReceipt | undefined>;
  /** Records events in the transaction of the change that they describe, so that all are committed or none. */
  insert(tx: Queries, ...events: AuditEvent[]): Promise<void>;
  find(organization_id: string | null, id: string): Promise<AuditEvent | undefined>;
  /** Lists events, newest first. `after` is the id of the last event of the previous page. */
  list(filter: AuditFilter, page: { limit: number; after?: string | undefined }): Promise<RecordedEvent[]>;
  /**
   * Yields all events above a position (default: all) in the order of positions, one page at a time, and reads a page only
   * when it is requested. Ends at the last final position, so that an export that continues from the last line neither misses
   * nor repeats an event (docs/decisions/0024). Throws `unavailable` while a transaction keeps positions open.
   */
  pages(filter: AuditFilter, size: number, after_position?: number): AsyncGenerator<RecordedEvent[]>;
}

/**
 * An event with its position, which the database assigns in the order of the INSERTs, independent of the replicas' clocks.
 */
export interface RecordedEvent extends AuditEvent {
  position: number;
}

/** Selects the events of all organisations and of the installation. For commands at the server's terminal only. */
export const everyOrganization = Symbol('every organisation');

/** `organization_id` null selects the events of the installation. Times in milliseconds since 1970; `until` is exclusive. */
export interface AuditFilter extends Partial<Pick<AuditEvent, (typeof filterColumns)[number]>> {
  /** Ids of users that were merged into the one of the column: their events are selected too. */
  merged?: Partial<Record<'user_id' | 'actor_id', readonly string[]>>;
  jti?: string;
  /** Without `since` it leaves out tokens that were minted: no index has them, so that a mint costs no more. */
  request_id?: string;
  organization_id: string | null | typeof everyOrganization;
  since?: number;
  until?: number;
}

const filterColumns = [
  'action',
  'outcome',
  'code',
  'actor_id',
  'user_id',
  'workspace_id',
  'identity_id',
  'job_id',
] as const;

export interface AuditStoreOptions {
  /** Returns the MAC of an event's canonical text. Throws `unavailable` while its key is not loaded. */
  mac(text: string): Buffer;
  maximumBatch?: number;
  maximumWaiting?: number;
}

/** Only `record` creates receipts. They cannot be forged, since the private field cannot be added to another object. */
class Receipt implements AuditReceipt {
  readonly #isMade = true;
  readonly event_id: string;

  constructor(event_id: string) {
    this.event_id = event_id;
    Object.freeze(this);
  }

  static made(value: unknown): value is Receipt {
    return typeof value === 'object' && value !== null && #isMade in value && value.#isMade;
  }
}

export const isReceipt: (value: unknown) => value is AuditReceipt = Receipt.made;

export function createAuditStore(
  database: Database,
  { mac, maximumBatch = 500, maximumWaiting = 10_000 }: AuditStoreOptions,
): AuditStore {
  /** Returns the ids of the events that were recorded: those whose premise holds. */
  async function insertAll(asked: PendingEvent[]): Promise<{ has(id: string): boolean }> {
    const count = await database.affected('audit-insert', auditInsert, auditInsertValues(asked, mac));
    if (count === asked.length) return { has: () => true };
    const ids = asked.map(({ event }) => event.id);
    const rows = await database.query.selectFrom('audit_events').select('id').where('id', 'in', ids).execute();
    return new Set(rows.map(({ id }) => id));
  }

  const record = coalesce<PendingEvent, AuditReceipt | undefined>(
    async (asked) => {
      try {
        const recorded = await insertAll(asked);
        return asked.map(({ event: { id } }) => (recorded.has(id) ? new Receipt(id) : undefined));
      } catch (error) {
        throw unavailable('The audit record cannot be written right now.', error);
      }
    },
    { maximumBatch, maximumWaiting, concurrency: 1, tenantOf: ({ event }) => event.organization_id ?? '' },
  );

  // A search that no index serves reads all events of an organisation: one caller could occupy every connection.
  const searching = createFairPlaces({
    tasks: 'audit searches',
    most: 3,
    mostPerTenant: 1,
    maximumWaiting: 200,
    maximumWaitingPerTenant: 50,
    patience: 10_000,
    // A search that an index serves takes less than this.
    rest: { measure: 'time', after: 20, factor: 1 },
  });
  const search = ({ organization_id }: AuditFilter, query: ReturnType<typeof select>) =>
    searching(typeof organization_id === 'string' ? organization_id : 'installation', () => query.execute());
  const finalPosition = createFinalPosition(database.query);

  return {
    record: async (event) => (await record({ event }))!,
    recordIf: (event, premise) => record({ event, premise }),
    async insert(tx, ...events) {
      for (let begin = 0; begin < events.length; begin += maximumBatch) {
        const batch = events.slice(begin, begin + maximumBatch).map((event) => ({ event }));
        await tx.executeQuery(CompiledQuery.raw(auditInsert, auditInsertValues(batch, mac)));
      }
    },
    async find(organization_id, id) {
      const [row] = await select(database.query, { organization_id }).where('id', '=', id).execute();
      return row && asEvent(row);
    },
    async list(filter, { limit, after }) {
      let query = select(database.query, filter).orderBy('id', 'desc').limit(limit);
      if (after !== undefined) query = query.where('id', '<', after);
      return (await search(filter, query)).map(asRecorded);
    },
    async *pages(filter, size, after_position = 0) {
      const upto = await finalPosition();
      const window = await findPositions(database.query, filter);
      const last = Math.min(upto, window.last);
      for (let after = Math.max(after_position, window.after); ; ) {
        const page = select(database.query, filter).where('position', '>', after).where('position', '<=', last);
        const rows = await search(filter, page.orderBy('position').limit(size));
        if (rows.length > 0) yield rows.map(asRecorded);
        if (rows.length < size) return;
        after = rows.at(-1)!.position;
      }
    },
  };
}

function select(queries: Queries, filter: AuditFilter) {
  const { organization_id } = filter;
  let query = queries.selectFrom('audit_events').select(eventFields).select('position');
  if (organization_id !== everyOrganization)
    query = query.where('organization_id', organization_id === null ? 'is' : '=', organization_id);
  for (const column of filterColumns) {
    const wanted = filter[column];
    const merged = column === 'user_id' || column === 'actor_id' ? (filter.merged?.[column] ?? []) : [];
    if (merged.length > 0 && wanted) query = query.where(column, 'in', [wanted, ...merged]);
    else if (wanted !== undefined) query = query.where(column, wanted === null ? 'is' : '=', wanted);
  }
  // The record of a mint has its `jti` as `id`, so the index on `jti` leaves it out (migrations/0011).
  if (filter.jti !== undefined)
    query = query.where(sql<boolean>`(jti = ${filter.jti} AND (id = ${filter.jti} OR jti <> id))`);
  if (filter.request_id !== undefined) {
    query = query.where('request_id', '=', filter.request_id);
    if (filter.since === undefined) query = query.where(sql<boolean>`(jti IS NULL OR jti <> id)`);
  }
  if (filter.since !== undefined)
    query = query.where('at', '>=', new Date(filter.since)).where('id', '>=', idAround(filter.since - idSlack));
  if (filter.until !== undefined)
    query = query.where('at', '<', new Date(filter.until)).where('id', '<', idAround(filter.until + idSlack));
  return query;
}

/** Milliseconds. Ids begin with a time that is close to `at`, so that the index on ids bounds a search by time. */
const idSlack = 3_600_000;

/**
 * Returns the range of positions of the events in a time window: above `after`, up to `last`. Without it the first page of a
 * late window would read all earlier events, and the last page of an early window all later ones. The range is bounded by the
 * nearest events over 3 h outside the window: replicas' clocks differ by less, since a replica that is 5 s off is not ready.
 */
async function findPositions(
  queries: Queries,
  { since, until }: Pick<AuditFilter, 'since' | 'until'>,
): Promise<{ after: number; last: number }> {
  const one = queries.selectFrom('audit_events').select('position').limit(1);
  const before = since === undefined ? undefined : one.where('id', '<', idAround(since - 3 * idSlack));
  const behind = until === undefined ? undefined : one.where('id', '>', idAround(until + 3 * idSlack));
  const [first] = (await before?.orderBy('id', 'desc').execute()) ?? [];
  const [end] = (await behind?.orderBy('id').execute()) ?? [];
  return { after: first?.position ?? 0, last: end?.position ?? Number.MAX_SAFE_INTEGER };
}

function idAround(time: number): string {
  return makeId('event', Math.max(0, time), (bytes) => new Uint8Array(bytes));
}

type EventRow = Pick<Selectable<Tables['audit_events']>, keyof AuditEvent>;

export function asEvent({ position: _, ...row }: EventRow & { position?: number }): AuditEvent {
  return { ...row, at: row.at.getTime(), code: row.code as AuditEvent['code'] };
}

function asRecorded(row: EventRow & { position: number }): RecordedEvent {
  return { ...asEvent(row), position: row.position };
}
