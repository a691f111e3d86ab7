import { id, text, time } from './columns.ts';
import { entity } from './entity.ts';
import { ref } from './inputs.ts';

/** The groups and workspaces that hide an inherited managed identity. */
export const masks = entity({
  table: 'identity_masks',
  schema: 'Mask',
  fields: {
    namespace: { nameOf: 'namespace_id', example: 'acme/research/wing' },
    namespace_id: {
      column: text,
      meaning: 'The group or workspace that hides the identity.',
      example: 'grp_01jd2ze0q8v5n3w4x6y7t9m2ab',
    },
    managed_identity: {
      nameOf: 'identity_id',
      create: ref,
      meaning: 'The inherited managed identity to hide, by id or path.',
      example: 'acme/research/aws',
    },
    identity_id: { column: id('managed_identity'), meaning: 'The hidden managed identity.' },
    organization_id: { column: id('group') },
    created_at: { column: time },
  },
});
