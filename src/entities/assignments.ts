import { id, text, time } from './columns.ts';
import { entity } from './entity.ts';
import { name, ref } from './inputs.ts';

/** Answers show an assignment as part of its managed identity, so most fields have no answer of their own. */
export const assignments = entity({
  table: 'assignments',
  schema: 'Assignment',
  fields: {
    id: { column: id('assignment'), answer: null },
    assignment_id: {
      answer: id('assignment').answer,
      meaning: 'The id of the assignment, for `DELETE /workspaces/{id}/assignments/{assignment}`.',
    },
    workspace_id: { column: id('workspace'), answer: null },
    managed_identity: {
      create: ref,
      meaning: 'The managed identity to assign, by id or path.',
      example: 'acme/research/aws',
    },
    identity_id: { column: id('managed_identity'), answer: null },
    organization_id: { column: id('group'), answer: null },
    type: { column: text, answer: null },
    profile: {
      column: text,
      hasDefault: true,
      meaning:
        'Distinguishes several identities of one type in a workspace. Default: empty, the unnamed one of its type.',
      example: 'billing',
      create: name.optional(),
    },
    principal: {
      nameOf: 'principal_id',
      create: ref.optional(),
      meaning:
        'For whom it is assigned: a user by id or login, a team by id or name, a service account by id or path. Left out: for everyone.',
      example: 'ada@acme.example',
    },
    principal_id: {
      column: text,
      hasDefault: true,
      meaning: 'For whom it is assigned; empty: for everyone.',
      example: 'usr_01jd2ze0q8v5n3w4x6y7t9m2ab',
    },
    created_at: { column: time, answer: null },
    assigned_at: { answer: time.answer, meaning: 'The time of the assignment.' },
  },
});
