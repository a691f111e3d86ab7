import { z } from 'zod';
import { id, text, time } from './columns.ts';
import { entity } from './entity.ts';
import { name, ref } from './inputs.ts';

export const aliases = entity({
  table: 'identity_aliases',
  schema: 'Alias',
  fields: {
    id: { column: id('alias') },
    managed_identity: { nameOf: 'identity_id', example: 'acme/research/aws' },
    identity_id: { column: id('managed_identity'), meaning: 'The source, whose rules and subject stay.' },
    group: {
      nameOf: 'group_id',
      create: ref,
      meaning: 'The group that gets the alias, by id or path.',
      example: 'acme/simulation',
    },
    group_id: { column: id('group'), meaning: 'The group that has the alias.' },
    organization_id: { column: id('group') },
    name: {
      column: text,
      meaning: 'The name of the alias in its group. Default in requests: the name of the source.',
      example: 'aws',
      create: name.optional(),
    },
    path: { answer: z.string(), meaning: 'The path of the group and the name.', example: 'acme/simulation/aws' },
    created_at: { column: time },
  },
});
