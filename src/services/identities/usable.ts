import { findUsability } from '../../core/inheritance.ts';
import type { Page } from '../../database/page.ts';
import type { ManagedIdentity } from '../../store/identities/identities.ts';
import { listCandidates } from '../../store/identities/usable.ts';
import type { Namespace } from '../../store/namespaces/namespaces.ts';
import type { Context } from '../pipeline/action.ts';
import { type Scanned, scan } from '../pipeline/scan.ts';
import { attachSettingsToPage, type WithSettings } from './storedsettings.ts';

/**
 * Lists the identities that a workspace or group can use. The rule in core filters masked ones, so that SQL needs no
 * second rule.
 */
export async function listUsable(
  context: Context,
  { lineage }: Namespace,
  input: { search?: string | undefined; type?: string | undefined; page: Page },
): Promise<Scanned<WithSettings<ManagedIdentity>>> {
  const found = await scan(input.page, {
    read: (page) => listCandidates(context.db, { group_ids: lineage, ...input }, page),
    keep: (rows) => rows.filter(({ reach }) => findUsability(reach, lineage) === 'usable'),
    positionOf: ({ id }) => id,
  });
  return attachSettingsToPage(found);
}
