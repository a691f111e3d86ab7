import { id, text, time } from './columns.ts';
import { entity } from './entity.ts';
import { ref } from './inputs.ts';

/** The groups and workspaces that hide an inherited managed identity. */
export const masks = entity({
  table: 'identity_masks',
  schema: 'Mask',
  fields: {
    namespace: { nameOf: 'namespace_id' },
    namespace_id: { column: text },
    managed_identity: { create: ref, nameOf: 'identity_id' },
    identity_id: { column: id('managed_identity') },
    organization_id: { column: id('group') },
    created_at: { column: time },
  },
});
