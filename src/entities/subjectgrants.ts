import { id, nullable, text, time } from './columns.ts';
import { entity } from './entity.ts';
import { ref } from './inputs.ts';

export const subjectGrants = entity({
  table: 'subject_grants',
  schema: 'SubjectGrant',
  fields: {
    id: { column: id('subject_grant') },
    managed_identity: { nameOf: 'identity_id' },
    identity_id: { column: id('managed_identity') },
    organization_id: { column: id('group') },
    launcher: { create: ref.optional(), nameOf: 'launcher_id' },
    launcher_id: {
      column: nullable(text),
      meaning: 'The service account whose rights to act count; null: every service account.',
      audited: true,
    },
    namespace: { create: ref.optional(), nameOf: 'namespace_id' },
    namespace_id: {
      column: nullable(text),
      meaning: 'Rights to act that were granted here or above count; null: those granted anywhere.',
      audited: true,
    },
    created_at: { column: time },
  },
});
