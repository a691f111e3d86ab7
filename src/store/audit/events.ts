import { CompiledQuery, type Selectable, sql } from 'kysely';
import { type AuditEvent, type AuditReceipt, eventFields } from '../../core/audit.ts';
import { makeId } from '../../core/ids.ts';
import { coalesce } from '../../database/coalesce.ts';
import type { Database, Queries } from '../../database/connections.ts';
import { unavailable } from '../../database/failures.ts';
import type { Tables } from '../../database/tables.ts';
import { createFairPlaces } from '../../fairness/fairplaces.ts';
import type { Premise } from '../issuing/premise.ts';
import { type Asked, auditInsert, auditInsertValues } from './insert.ts';
import { createFinalPosition } from './positions.ts';

export interface AuditStore {
  /**
   * Resolves when the event is committed, and not before. Concurrent events share one INSERT. Throws `unavailable` when it
   * could not be written, or when too many wait: what the event is about must then not happen.
   */
  record(event: AuditEvent): Promise<AuditReceipt>;
  /** As `record`, where the premise still holds at that moment; undefined where it does not, and nothing was recorded. */
  recordIf(event: AuditEvent, premise: Premise): Promise<AuditReceipt | undefined>;
  /** In the transaction of the change that it is about: committed with it or not at all. */
  insert(tx: Queries, event: AuditEvent): Promise<void>;
  find(organization_id: string | null, id: string): Promise<AuditEvent | undefined>;
  /** Newest first; `after` is the id of the last event of the page before. */
  list(filter: AuditFilter, page: { limit: number; after?: string | undefined }): Promise<RecordedEvent[]>;
  /**
   * Yields all events above a position (default: all) in the order of positions, one page at a time, and reads no more than
   * is asked for. Ends at the last final position, so that an export that goes on from the last line misses and repeats
   * nothing (docs/decisions/0024). Throws `unavailable` while a transaction keeps positions open.
   */
  pages(filter: AuditFilter, size: number, after_position?: number): AsyncGenerator<RecordedEvent[]>;
}

/** An event with its position: given by the database in the order of the INSERTs, whatever the clocks of the replicas. */
export interface RecordedEvent extends AuditEvent {
  position: number;
}

/** Asks for the events of every organisation and the installation's: for a person at the server's terminal. */
export const everyOrganization = Symbol('every organisation');

/** `organization_id` null asks for the installation's own events. Times in milliseconds since 1970, `until` excluded. */
export interface AuditFilter extends Partial<Pick<AuditEvent, (typeof filterColumns)[number]>> {
  jti?: string;
  organization_id: string | null | typeof everyOrganization;
  since?: number;
  until?: number;
}

const filterColumns = ['action', 'outcome', 'actor_id', 'user_id', 'workspace_id', 'identity_id', 'job_id'] as const;

export interface AuditStoreOptions {
  /** The MAC of an event's canonical text; throws `unavailable` while there is no key for it. */
  mac(text: string): Buffer;
  maximumBatch?: number;
  maximumWaiting?: number;
}

/** What `record` returns, and nothing else does: a receipt cannot be made up, since its mark cannot be given to an object. */
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
  /** The ids of those that are recorded. */
  async function insertAll(asked: Asked[]): Promise<{ has(id: string): boolean }> {
    const count = await database.affected('audit-insert', auditInsert, auditInsertValues(asked, mac));
    if (count === asked.length) return { has: () => true };
    const ids = asked.map(({ event }) => event.id);
    const rows = await database.query.selectFrom('audit_events').select('id').where('id', 'in', ids).execute();
    return new Set(rows.map(({ id }) => id));
  }

  const record = coalesce<Asked, AuditReceipt | undefined>(
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

  // What no index answers reads all events of an organisation: one caller within its limit could hold every connection.
  const searching = createFairPlaces({
    tasks: 'audit searches',
    most: 3,
    mostPerTenant: 1,
    maximumWaiting: 200,
    maximumWaitingPerTenant: 50,
    patience: 10_000,
    // A search by an index takes less than this.
    rest: { measure: 'time', after: 20, factor: 1 },
  });
  const search = ({ organization_id }: AuditFilter, query: ReturnType<typeof select>) =>
    searching(typeof organization_id === 'string' ? organization_id : 'installation', () => query.execute());
  const finalPosition = createFinalPosition(database.query);

  return {
    record: async (event) => (await record({ event }))!,
    recordIf: (event, premise) => record({ event, premise }),
    async insert(tx, event) {
      await tx.executeQuery(CompiledQuery.raw(auditInsert, auditInsertValues([{ event }], mac)));
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
      const window = await positionsOf(database.query, filter);
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
    if (wanted !== undefined) query = query.where(column, wanted === null ? 'is' : '=', wanted);
  }
  // Of a token's own record `id` is the `jti`: the index on `jti` is of all others (migrations/0011).
  if (filter.jti !== undefined)
    query = query.where(sql<boolean>`(jti = ${filter.jti} AND (id = ${filter.jti} OR jti <> id))`);
  if (filter.since !== undefined)
    query = query.where('at', '>=', new Date(filter.since)).where('id', '>=', idAround(filter.since - idSlack));
  if (filter.until !== undefined)
    query = query.where('at', '<', new Date(filter.until)).where('id', '<', idAround(filter.until + idSlack));
  return query;
}

/** Ids begin with their time, made within the same request as `at`: the index on ids then bounds a search by time. */
const idSlack = 3_600_000;

/**
 * The positions between which the events of a time window lie: above `after`, up to `last`. Without them the first page of a
 * late window would read all events before it, and the last page of an early one all after it. The nearest events over 3 h
 * outside the window bound it: the clocks of two replicas do not differ by an hour, since one that is 5 s off is not ready.
 */
async function positionsOf(
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
