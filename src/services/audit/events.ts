import type { Page } from '../../database/page.ts';
import type { AuditFilter, AuditStore, RecordedEvent } from '../../store/audit/events.ts';
import { listMergedUsers } from '../../store/people/users.ts';
import type { Action, Context, Place } from '../pipeline/action.ts';
import { findOwnOrganization } from '../pipeline/places.ts';
import { isOperator } from '../pipeline/rights.ts';
import { type NamedInSearch, resolveNamed } from './named.ts';

/** The filters of a search. */
interface Search {
  filter: Omit<AuditFilter, 'organization_id'>;
  named?: NamedInSearch;
}

/** Events that an export holds in memory at once. */
const exportPage = 500;

/**
 * Creates the actions that read the audit. Owners read the events of their organisation, operators those of the
 * installation.
 */
export function createAuditActions(audit: AuditStore) {
  const list: Action<Search & { page: Page }, Place, RecordedEvent[]> = {
    name: 'audit_event.list',
    needs: 'member',
    changes: false,
    load: () => 'search',
    find: findOwnOrganization,
    async run(context, { page, ...search }, place) {
      return await audit.list(await readFilter(context, search, place), page);
    },
  };
  /** Answers when the first page is read, so that an earlier failure is still an error answer. */
  const exportAll: Action<Search & { after_position?: number }, Place, AsyncIterable<string>> = {
    name: 'audit_event.export',
    needs: 'member',
    changes: false,
    load: () => 'search',
    find: findOwnOrganization,
    async run(context, { after_position, ...search }, place) {
      const lines = formatEventPages(audit, await readFilter(context, search, place), after_position);
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

/** Returns the filter of a search that the caller may do, with the users that were merged into the one of the search. */
async function readFilter(context: Context, { filter, named = {} }: Search, place: Place): Promise<AuditFilter> {
  await demandView(context, place);
  const { organization_id } = place;
  const complete = { ...filter, ...(await resolveNamed(context, place, named)) };
  const mergedInto = async (id: string | null | undefined) =>
    id === null || id === undefined ? [] : await listMergedUsers(context.db, organization_id, id);
  const merged = { user_id: await mergedInto(complete.user_id), actor_id: await mergedInto(complete.actor_id) };
  return { ...complete, merged, organization_id };
}

async function demandView(context: Context, place: Place): Promise<void> {
  const { caller } = context;
  const isOperatorAlone = isOperator(caller) && caller.organization_id === null;
  if (!isOperatorAlone) await context.demand('audit.view', place);
}
