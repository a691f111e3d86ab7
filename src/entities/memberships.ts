import { roles } from '../core/permissions.ts';
import { id, oneOf, text, time, version } from './columns.ts';
import { entity } from './entity.ts';
import { ref } from './inputs.ts';

const role = oneOf(roles);

export const memberships = entity({
  table: 'memberships',
  schema: 'Membership',
  fields: {
    id: { column: id('membership') },
    namespace: {
      nameOf: 'namespace_id',
      create: ref,
      meaning: 'The group or workspace, by id or path.',
      example: 'acme/research',
    },
    namespace_id: {
      column: text,
      meaning: 'The group or workspace.',
      example: 'grp_01jd2ze0q8v5n3w4x6y7t9m2ab',
    },
    principal: {
      nameOf: 'principal_id',
      create: ref,
      meaning: 'Who gets the role: a user by id or login, a team by id or name, a service account by id or path.',
      example: 'ada@acme.example',
    },
    principal_id: {
      column: text,
      meaning: 'The user, team or service account that has the role.',
      example: 'usr_01jd2ze0q8v5n3w4x6y7t9m2ab',
    },
    role: {
      column: role,
      meaning:
        '`viewer` reads; `deployer` also manages and assigns managed identities and runs jobs; `owner` may do everything.',
      create: role.answer,
      change: role.answer,
    },
    organization_id: { column: id('group') },
    created_at: { column: time },
    version: { column: version, hasDefault: true },
  },
});
