import { usability } from '../core/inheritance.ts';
import type { ManagedIdentity } from '../store/identities.ts';
import type { Namespace, Page } from '../store/namespaces.ts';
import { candidates } from '../store/usable.ts';
import type { Context } from './action.ts';

/** Read on until the page is full: what is masked is left out by the rule in core, not by a second one in SQL. */
export async function usableIn(
  context: Context,
  namespace: Namespace,
  input: { search?: string | undefined; type?: string | undefined; page: Page },
): Promise<ManagedIdentity[]> {
  const found: ManagedIdentity[] = [];
  let { after } = input.page;
  for (;;) {
    const page = { after, limit: input.page.limit };
    const rows = await candidates(context.db, { group_ids: namespace.lineage, ...input }, page);
    found.push(...rows.filter(({ reach }) => usability(reach, namespace.lineage) === 'usable'));
    after = rows.at(-1)?.id;
    if (rows.length < page.limit || found.length >= input.page.limit) return found.slice(0, input.page.limit);
  }
}
