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
    namespace: { create: ref, nameOf: 'namespace_id' },
    namespace_id: { column: text },
    principal: { create: ref, nameOf: 'principal_id' },
    principal_id: { column: text },
    role: { column: role, create: role.answer, change: role.answer },
    organization_id: { column: id('group') },
    created_at: { column: time },
    version: { column: version, hasDefault: true },
  },
});
