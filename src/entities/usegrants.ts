import { id, text, time } from './columns.ts';
import { entity } from './entity.ts';
import { refOrEveryone } from './inputs.ts';

export const useGrants = entity({
  table: 'use_grants',
  schema: 'UseGrant',
  fields: {
    id: { column: id('grant') },
    managed_identity: { nameOf: 'identity_id' },
    identity_id: { column: id('managed_identity') },
    principal: { create: refOrEveryone, nameOf: 'principal_id' },
    principal_id: { column: text, meaning: '`*` is everyone below the group of the identity.' },
    organization_id: { column: id('group') },
    created_at: { column: time },
  },
});
