import { z } from 'zod';
import { ruleKinds } from '../core/accessrules.ts';
import { id, oneOf, texts, time, version } from './columns.ts';
import { entity } from './entity.ts';
import { pattern } from './inputs.ts';

const kind = oneOf(ruleKinds);
const values = z.array(pattern).min(1, 'must hold a value').max(100, 'must hold at most 100 values');

export const accessRules = entity({
  table: 'access_rules',
  schema: 'AccessRule',
  fields: {
    id: { column: id('access_rule') },
    managed_identity: { nameOf: 'identity_id', example: 'acme/research/aws' },
    identity_id: { column: id('managed_identity'), meaning: 'The managed identity that the rule protects.' },
    organization_id: { column: id('group') },
    kind: {
      column: kind,
      meaning: 'The fact of the job that the rule checks: its stage, user, a team of the user, launcher, or labels.',
      create: kind.answer,
      audited: true,
    },
    values: {
      column: texts,
      meaning:
        'The allowed values; one of them must match. For `stage`: patterns, with `*` for any text. For `user`: ids or logins. For `team`: ids or names. For `service_account`: ids or paths. For `label`: `key=pattern` entries, all of which must match.',
      example: ['prod', 'staging-*'],
      create: values,
      change: values,
      audited: true,
    },
    value_names: { namesOf: 'values' },
    created_at: { column: time },
    version: { column: version, hasDefault: true },
  },
});
