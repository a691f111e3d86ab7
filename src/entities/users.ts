import { z } from 'zod';
import { loginPattern, loginRule } from '../core/names.ts';
import { boolean, id, nullable, text, time, version } from './columns.ts';
import { entity } from './entity.ts';
import { description } from './inputs.ts';
import { tieRequest } from './userties.ts';

const login = z.string('a login is needed').regex(loginPattern, `must be ${loginRule}`);
const displayName = description.max(128, 'must be at most 128 characters');

export const users = entity({
  table: 'users',
  schema: 'User',
  fields: {
    id: { column: id('user') },
    organization_id: { column: nullable(id('group')), meaning: 'Null for operators of the installation.' },
    login: {
      column: text,
      meaning: 'The login, unique in the organisation. One that was given up is reserved for 30 days.',
      example: 'ada@acme.example',
      create: login,
      change: login.optional(),
      audited: true,
    },
    display_name: {
      column: text,
      hasDefault: true,
      meaning: 'The name for people, at most 128 characters.',
      example: 'Ada Lovelace',
      create: displayName.default(''),
      change: displayName.optional(),
    },
    is_operator: { column: boolean, hasDefault: true, meaning: 'True for operators of the installation.' },
    is_active: {
      column: boolean,
      hasDefault: true,
      meaning: 'False: nothing is issued for the user, who cannot sign in.',
      change: z.boolean().optional(),
    },
    created_at: { column: time },
    deleted_at: {
      column: nullable(time),
      meaning: 'The time at which the user was deleted or merged; null otherwise.',
    },
    merged_into: {
      column: nullable(id('user')),
      meaning: 'The user that has taken over roles and rights; null without one.',
    },
    tie: {
      create: tieRequest.optional(),
      meaning:
        'Who may sign in as the user, once: `{iss, sub}` or `{email}`. Default: nobody. See `POST /users/{id}/tie`.',
    },
    version: { column: version, hasDefault: true },
  },
});
