import { z } from 'zod';
import { parseClientKeys } from '../core/clientkeys.ts';
import { boolean, id, json, nullable, text, time, version } from './columns.ts';
import { entity } from './entity.ts';
import { description, name, ref } from './inputs.ts';
import { publicKeySet, publicKeys } from './publickeys.ts';

const jwks = publicKeys(parseClientKeys);

export const serviceAccounts = entity({
  table: 'service_accounts',
  schema: 'ServiceAccount',
  fields: {
    id: { column: id('service_account') },
    client_id: { answer: id('service_account').answer, meaning: 'The client id at `/oauth2`: the same as `id`.' },
    organization_id: { column: id('group') },
    group_id: { column: id('group'), meaning: 'The group that it belongs to.' },
    name: {
      column: text,
      meaning: 'The name in its group. It never changes.',
      example: 'launcher',
      create: name,
      audited: true,
    },
    path: { nameOf: 'id', example: 'acme/research/launcher' },
    group: {
      nameOf: 'group_id',
      create: ref,
      meaning: 'The group that gets it, by id or path.',
      example: 'acme/research',
    },
    description: {
      column: text,
      hasDefault: true,
      meaning: 'Free text, at most 1000 characters.',
      example: 'Starts the jobs of the Slurm cluster',
      create: description.default(''),
      change: description.optional(),
    },
    is_active: {
      column: boolean,
      hasDefault: true,
      meaning: 'False: it cannot authenticate, and its tokens and jobs are refused.',
      change: z.boolean().optional(),
    },
    jwks: {
      column: nullable(json(publicKeySet)),
      meaning:
        'Public keys as a JWK set (RFC 7517). An account with keys authenticates only by `private_key_jwt`; null: by a client secret.',
      create: jwks.nullable().default(null),
      change: jwks.nullable().optional(),
    },
    created_at: { column: time },
    version: { column: version, hasDefault: true },
    deleted_at: { column: nullable(time), answer: null },
    /** The path when it was deleted; its name is `deleted:` and its id since. */
    deleted_path: { column: nullable(text), answer: null },
  },
});
