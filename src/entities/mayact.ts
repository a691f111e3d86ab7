import { z } from 'zod';
import { id, json, text, texts, time, version } from './columns.ts';
import { entity } from './entity.ts';
import { labelPatterns, pattern, ref, refOrEveryone } from './inputs.ts';

const users = z
  .array(refOrEveryone)
  .min(1, 'must name a user or team, or `*` for everyone')
  .max(100, 'must name at most 100 users')
  .meta({
    description:
      'Users by id or login, teams by id or name; `*` is everyone; the account itself for its jobs without a user.',
  });
const stages = z.array(pattern).min(1).max(32);

/** The rights of service accounts to start jobs for users. */
export const mayAct = entity({
  table: 'may_act',
  schema: 'RightToAct',
  fields: {
    id: { column: id('may_act') },
    service_account: { nameOf: 'service_account_id', example: 'acme/research/launcher' },
    service_account_id: { column: id('service_account'), meaning: 'The launcher.' },
    namespace: {
      nameOf: 'namespace_id',
      create: ref,
      meaning: 'The group or workspace where the right applies, with everything below it, by id or path.',
      example: 'acme/research',
    },
    namespace_id: {
      column: text,
      meaning: 'The group or workspace where the right applies, with everything below it.',
      example: 'grp_01jd2ze0q8v5n3w4x6y7t9m2ab',
    },
    organization_id: { column: id('group') },
    users: {
      column: texts,
      example: ['*'],
      meaning: 'Ids of users and teams; `*` is everyone; the account itself for its jobs without a user.',
      create: users,
      change: users.optional(),
      audited: true,
    },
    user_names: { namesOf: 'users' },
    stages: {
      column: texts,
      meaning: 'Patterns of the stages that its jobs may have, with `*` for any text. Default: any stage.',
      example: ['prod'],
      create: stages.default(['*']),
      change: stages.optional(),
      audited: true,
    },
    labels: {
      column: json(z.record(z.string(), z.string())),
      meaning:
        'The labels that its jobs may have: a pattern of values for each key, or for `*`, which is every key that is not listed. Default: no labels.',
      example: { project: 'wing-*' },
      create: labelPatterns.default({}),
      change: labelPatterns.optional(),
      audited: true,
    },
    created_at: { column: time },
    version: { column: version, hasDefault: true },
  },
});
