import { z } from 'zod';
import { assignments } from './assignments.ts';
import { id, nullable, oneOf, text, texts, time, version } from './columns.ts';
import { entity, type Field } from './entity.ts';
import { description, name, ref } from './inputs.ts';

const named = {
  kind: { column: oneOf(['group', 'workspace']), answer: null },
  organization_id: { column: id('group') },
  name: {
    column: text,
    meaning: 'The name below its parent.',
    example: 'research',
    create: name,
    change: name.optional(),
  },
  path: {
    column: text,
    meaning: 'The names from the organisation down, with `/` between. A move or a rename changes it.',
    example: 'acme/research',
    audited: true,
  },
  lineage: { column: texts, answer: null },
} satisfies Record<string, Field>;

const described = {
  description: {
    column: text,
    hasDefault: true,
    meaning: 'Free text, at most 1000 characters.',
    example: 'Simulations of the wing',
    create: description.default(''),
    change: description.optional(),
  },
  created_at: { column: time },
  version: { column: version, hasDefault: true },
} satisfies Record<string, Field>;

export const groups = entity({
  table: 'namespaces',
  schema: 'Group',
  fields: {
    id: { column: id('group') },
    ...named,
    parent: {
      create: ref.optional(),
      meaning: 'The group above, by id or path. Left out: an organisation, which only operators create.',
      example: 'acme',
    },
    ...described,
    parent_id: { column: nullable(id('group')), meaning: 'Null for an organisation, which is a root group.' },
  },
});

/** Answers call the parent of a workspace `group_id`. */
export const workspaces = entity({
  table: 'namespaces',
  schema: 'Workspace',
  fields: {
    id: { column: id('workspace') },
    ...named,
    group: { create: ref, meaning: 'The group that gets the workspace, by id or path.', example: 'acme/research' },
    ...described,
    parent_id: { column: nullable(id('group')), answer: null },
    group_id: { answer: id('group').answer, meaning: 'The group that the workspace is in.' },
    managed_identities: {
      meaning: 'Managed identities to assign for everyone, in the same transaction. Default: none. At most 20.',
      create: z
        .array(assignments.create.pick({ managed_identity: true, profile: true }))
        .max(20, 'must be at most 20')
        .default([]),
    },
  },
});
