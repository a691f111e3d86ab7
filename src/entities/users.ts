import { z } from 'zod';
import { loginPattern, loginRule } from '../core/names.ts';
import { boolean, id, nullable, text, time, version } from './columns.ts';
import { entity } from './entity.ts';
import { description } from './inputs.ts';

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
      meaning: 'The login, unique in the organisation.',
      example: 'ada@acme.example',
      create: login,
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
    version: { column: version, hasDefault: true },
  },
});
