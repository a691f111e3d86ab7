import { z } from 'zod';
import { id, text, time } from './columns.ts';
import { entity } from './entity.ts';
import { name, ref } from './inputs.ts';

export const aliases = entity({
  table: 'identity_aliases',
  schema: 'Alias',
  fields: {
    id: { column: id('alias') },
    managed_identity: { nameOf: 'identity_id' },
    identity_id: { column: id('managed_identity'), meaning: 'The source, whose rules and subject stay.' },
    group: { create: ref, nameOf: 'group_id' },
    group_id: { column: id('group') },
    organization_id: { column: id('group') },
    name: { column: text, create: name.optional() },
    path: { answer: z.string() },
    created_at: { column: time },
  },
});
