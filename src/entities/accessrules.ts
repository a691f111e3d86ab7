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
    managed_identity: { nameOf: 'identity_id' },
    identity_id: { column: id('managed_identity') },
    organization_id: { column: id('group') },
    kind: { column: kind, create: kind.answer, audited: true },
    values: { column: texts, create: values, change: values, audited: true },
    value_names: { namesOf: 'values' },
    created_at: { column: time },
    version: { column: version, hasDefault: true },
  },
});
