import { id, text, time } from './columns.ts';
import { entity } from './entity.ts';
import { name, ref } from './inputs.ts';

/** Answers show an assignment as part of its managed identity, so most fields have no answer of their own. */
export const assignments = entity({
  table: 'assignments',
  schema: 'Assignment',
  fields: {
    id: { column: id('assignment'), answer: null },
    workspace_id: { column: id('workspace'), answer: null },
    managed_identity: { create: ref },
    identity_id: { column: id('managed_identity'), answer: null },
    organization_id: { column: id('group'), answer: null },
    type: { column: text, answer: null },
    profile: {
      column: text,
      hasDefault: true,
      meaning: 'Empty: the unnamed one of its type.',
      create: name.optional(),
    },
    principal: { create: ref.optional(), nameOf: 'principal_id' },
    principal_id: {
      column: text,
      hasDefault: true,
      meaning: 'For whom it is assigned; empty: for everyone.',
    },
    created_at: { column: time, answer: null },
    assigned_at: { answer: time.answer },
  },
});
