import type { Page } from '../../database/page.ts';
import type { AuditFilter, AuditStore, RecordedEvent } from '../../store/audit/events.ts';
import { listMergedUsers } from '../../store/people/users.ts';
import type { Action, Context, Place } from '../pipeline/action.ts';
import { findOwnOrganization } from '../pipeline/places.ts';
import { isOperator } from '../pipeline/rights.ts';

type Filter = Omit<AuditFilter, 'organization_id'>;

/** Events that an export holds in memory at once. */
const exportPage = 500;

/**
 * Creates the actions that read the audit. Owners read the events of their organisation, operators those of the
 * installation.
 */
export function createAuditActions(audit: AuditStore) {
  const list: Action<{ filter: Filter; page: Page }, Place, RecordedEvent[]> = {
    name: 'audit_event.list',
    needs: 'member',
    changes: false,
    load: () => 'search',
    find: findOwnOrganization,
    async run(context, { filter, page }, place) {
      await demandView(context, place);
      return await audit.list(await completeFilter(context, filter, place), page);
    },
  };
  /** Answers when the first page is read, so that an earlier failure is still an error answer. */
  const exportAll: Action<{ filter: Filter; after_position?: number }, Place, AsyncIterable<string>> = {
    name: 'audit_event.export',
    needs: 'member',
    changes: false,
    load: () => 'search',
    find: findOwnOrganization,
    async run(context, { filter, after_position }, place) {
      await demandView(context, place);
      const lines = formatEventPages(audit, await completeFilter(context, filter, place), after_position);
      const first = await lines.next();
      return (async function* () {
        if (first.done) return;
        yield first.value;
        yield* lines;
      })();
    },
  };
  return { list, export: exportAll };
}

/** Returns an event in its public form: its time as RFC 3339 in UTC. */
export function presentEvent(event: RecordedEvent) {
  return { ...event, at: new Date(event.at).toISOString() };
}

/** Yields events as NDJSON in the order of their positions, one page of lines at a time. */
export async function* formatEventPages(
  audit: AuditStore,
  filter: AuditFilter,
  after_position?: number,
): AsyncGenerator<string, void> {
  for await (const page of audit.pages(filter, exportPage, after_position))
    yield page.map((event) => `${JSON.stringify(presentEvent(event))}\n`).join('');
}

/** Adds the organisation, and the users that were merged into the one of the search. */
async function completeFilter({ db }: Context, filter: Filter, { organization_id }: Place): Promise<AuditFilter> {
  const { user_id, actor_id } = filter;
  const mergedInto = async (id: string | null | undefined) =>
    id === null || id === undefined ? [] : await listMergedUsers(db, organization_id, id);
  const merged = { user_id: await mergedInto(user_id), actor_id: await mergedInto(actor_id) };
  return { ...filter, merged, organization_id };
}

async function demandView(context: Context, place: Place): Promise<void> {
  const { caller } = context;
  const isOperatorAlone = isOperator(caller) && caller.organization_id === null;
  if (!isOperatorAlone) await context.demand('audit.view', place);
}
