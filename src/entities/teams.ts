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
    name: {
      column: text,
      meaning: 'The name in the organisation. It never changes.',
      example: 'aero',
      create: name,
      audited: true,
    },
    description: {
      column: text,
      hasDefault: true,
      meaning: 'Free text, at most 1000 characters.',
      example: 'Aerodynamics',
      create: description.default(''),
      change: description,
    },
    created_at: { column: time },
    version: { column: version, hasDefault: true },
  },
});

export const teamMembers = entity({
  table: 'team_members',
  schema: 'TeamMember',
  fields: {
    team: { nameOf: 'team_id', example: 'aero' },
    team_id: { column: id('team'), meaning: 'The team.' },
    user: { create: ref, meaning: 'The user to add, by id or login.', example: 'ada@acme.example' },
    user_id: { column: id('user'), meaning: 'The user.' },
    login: { answer: z.string(), meaning: 'The login of the user.', example: 'ada@acme.example' },
    source: { column: oneOf(['manual', 'sign_in']), meaning: 'By hand, or by the groups claim at sign-in.' },
    created_at: { column: time },
  },
});
