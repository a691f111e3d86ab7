import { z } from 'zod';
import { id, json, text, texts, time } from './columns.ts';
import { entity } from './entity.ts';
import { labels, pattern, ref, refOrEveryone } from './inputs.ts';

/** The rights of service accounts to start jobs for users. */
export const mayAct = entity({
  table: 'may_act',
  schema: 'RightToAct',
  fields: {
    id: { column: id('may_act') },
    service_account: { nameOf: 'service_account_id' },
    service_account_id: { column: id('service_account') },
    namespace: { create: ref, nameOf: 'namespace_id' },
    namespace_id: { column: text },
    organization_id: { column: id('group') },
    users: {
      column: texts,
      meaning: 'Ids of users and teams; `*` is everyone; the account itself for its jobs without a user.',
      create: z
        .array(refOrEveryone)
        .min(1, 'must name a user or team, or `*` for everyone')
        .max(100, 'must name at most 100 users')
        .meta({ description: 'Users by id or login, teams by id; the account itself for its jobs without a user.' }),
      audited: true,
    },
    user_names: { namesOf: 'users' },
    stages: { column: texts, create: z.array(pattern).min(1).max(32).default(['*']), audited: true },
    labels: { column: json(z.record(z.string(), z.string())), create: labels.default({}), audited: true },
    created_at: { column: time },
  },
});
