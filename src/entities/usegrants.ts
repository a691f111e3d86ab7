import { id, text, time } from './columns.ts';
import { entity } from './entity.ts';
import { refOrEveryone } from './inputs.ts';

export const useGrants = entity({
  table: 'use_grants',
  schema: 'UseGrant',
  fields: {
    id: { column: id('grant') },
    managed_identity: { nameOf: 'identity_id', example: 'acme/research/aws' },
    identity_id: { column: id('managed_identity'), meaning: 'The managed identity.' },
    principal: {
      nameOf: 'principal_id',
      create: refOrEveryone,
      meaning:
        'Who may use the identity: a user by id or login, a team by id or name, a service account by id or path, or `*` for everyone below its group.',
      example: 'ada@acme.example',
    },
    principal_id: { column: text, meaning: 'Who may use the identity; `*` is everyone below its group.', example: '*' },
    organization_id: { column: id('group') },
    created_at: { column: time },
  },
});
