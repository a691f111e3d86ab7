import { z } from 'zod';
import { parseClientKeys } from '../core/clientkeys.ts';
import { boolean, id, json, nullable, text, time, version } from './columns.ts';
import { entity } from './entity.ts';
import { description, name, ref } from './inputs.ts';

const jwks = z.unknown().transform((value, context) => {
  const { keys, faults } = parseClientKeys(value);
  for (const { pointer, detail } of faults)
    context.addIssue({ code: 'custom', message: detail, path: pointer.split('/').slice(1) });
  return { keys: keys.map((key) => ({ ...key })) };
});

export const serviceAccounts = entity({
  table: 'service_accounts',
  schema: 'ServiceAccount',
  fields: {
    id: { column: id('service_account') },
    client_id: { answer: id('service_account').answer, meaning: 'For OAuth: the id.' },
    organization_id: { column: id('group') },
    group_id: { column: id('group') },
    name: { column: text, create: name, audited: true },
    path: { nameOf: 'id' },
    group: { create: ref, nameOf: 'group_id' },
    description: { column: text, hasDefault: true, create: description.default(''), change: description.optional() },
    is_active: { column: boolean, hasDefault: true, change: z.boolean().optional() },
    jwks: {
      column: nullable(json(z.strictObject({ keys: z.array(z.record(z.string(), z.unknown())) }))),
      meaning: 'Public keys; an account with keys authenticates by `private_key_jwt` alone.',
      create: jwks.nullable().default(null),
      change: jwks.nullable().optional(),
    },
    created_at: { column: time },
    version: { column: version, hasDefault: true },
    deleted_at: { column: nullable(time), answer: null },
    /** The path when it was deleted; its name is its id since. */
    deleted_path: { column: nullable(text), answer: null },
  },
});
