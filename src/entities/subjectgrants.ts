import { id, nullable, text, time } from './columns.ts';
import { entity } from './entity.ts';
import { ref } from './inputs.ts';

export const subjectGrants = entity({
  table: 'subject_grants',
  schema: 'SubjectGrant',
  fields: {
    id: { column: id('subject_grant') },
    managed_identity: { nameOf: 'identity_id', example: 'acme/research/aws' },
    identity_id: { column: id('managed_identity'), meaning: 'The managed identity.' },
    organization_id: { column: id('group') },
    launcher: {
      nameOf: 'launcher_id',
      create: ref.optional(),
      meaning: 'The service account whose rights to act count, by id or path. Send it, `namespace` or both.',
      example: 'acme/research/launcher',
    },
    launcher_id: {
      column: nullable(text),
      meaning: 'The service account whose rights to act count; null: every service account.',
      example: 'sa_01jd2ze0q8v5n3w4x6y7t9m2ab',
      audited: true,
    },
    namespace: {
      nameOf: 'namespace_id',
      create: ref.optional(),
      meaning: 'Rights to act that were granted here or above count, by id or path. Send it, `launcher` or both.',
      example: 'acme/research',
    },
    namespace_id: {
      column: nullable(text),
      meaning: 'Rights to act that were granted here or above count; null: those granted anywhere.',
      example: 'grp_01jd2ze0q8v5n3w4x6y7t9m2ab',
      audited: true,
    },
    created_at: { column: time },
  },
});
