import { id, text, time } from './columns.ts';
import { entity } from './entity.ts';
import { refOrEveryone } from './inputs.ts';

export const useGrants = entity({
  table: 'use_grants',
  schema: 'UseGrant',
  fields: {
    id: { column: id('grant') },
    identity_id: { column: id('managed_identity'), meaning: 'The managed identity.' },
    principal: {
      create: refOrEveryone,
      meaning:
        'Who may use the identity: a user by id or login, a team or service account by id, or `*` for everyone below its group.',
      example: 'ada@acme.example',
    },
    principal_id: { column: text, meaning: 'Who may use the identity; `*` is everyone below its group.', example: '*' },
    organization_id: { column: id('group') },
    created_at: { column: time },
  },
});
