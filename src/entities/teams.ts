import { z } from 'zod';
import { id, oneOf, text, time, version } from './columns.ts';
import { entity } from './entity.ts';
import { description, name, ref } from './inputs.ts';

export const teams = entity({
  table: 'teams',
  schema: 'Team',
  fields: {
    id: { column: id('team') },
    organization_id: { column: id('group') },
    name: { column: text, create: name, audited: true },
    description: { column: text, hasDefault: true, create: description.default(''), change: description },
    created_at: { column: time },
    version: { column: version, hasDefault: true },
  },
});

export const teamMembers = entity({
  table: 'team_members',
  schema: 'TeamMember',
  fields: {
    team: { nameOf: 'team_id' },
    team_id: { column: id('team') },
    user: { create: ref },
    user_id: { column: id('user') },
    login: { answer: z.string() },
    source: { column: oneOf(['manual', 'sign_in']), meaning: 'By hand, or by the groups claim at sign-in.' },
    created_at: { column: time },
  },
});
