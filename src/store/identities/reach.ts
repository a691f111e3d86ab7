import type { Reach } from '../../core/inheritance.ts';
import type { Queries } from '../../database/connections.ts';

/** Reads where an identity reaches, for `usability`: along one lineage, or everywhere. */
export async function readReach(
  db: Queries,
  identity: { id: string; group_id: string },
  lineage?: readonly string[],
): Promise<Reach> {
  let ofAliases = db.selectFrom('identity_aliases').select('group_id').where('identity_id', '=', identity.id);
  let ofMasks = db.selectFrom('identity_masks').select('namespace_id').where('identity_id', '=', identity.id);
  if (lineage !== undefined) {
    ofAliases = ofAliases.where('group_id', 'in', lineage);
    ofMasks = ofMasks.where('namespace_id', 'in', lineage);
  }
  const [aliases, masks] = [await ofAliases.execute(), await ofMasks.execute()];
  return {
    group_ids: [identity.group_id, ...aliases.map((alias) => alias.group_id)],
    masked_in: masks.map((mask) => mask.namespace_id),
  };
}
