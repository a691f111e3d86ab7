import { z } from 'zod';
import { tokenLifetime } from '../core/lifetimes.ts';
import { deliveries } from '../core/mintfacts.ts';
import { subjectScopes } from '../core/subject.ts';
import { type Column, id, integer, json, nullable, oneOf, text, time, version } from './columns.ts';
import { entity } from './entity.ts';
import { description, identityType, name, ref, settings } from './inputs.ts';

const delivery = oneOf(deliveries);
/** A row may hold the settings of an older release, which `readStoredSettings` (services) reads. */
const storedSettings: Column<unknown, typeof settings> = json(settings);

const subjectScope = oneOf(subjectScopes);
const lifetime = z
  .int('must be whole seconds')
  .min(tokenLifetime.minimum, `must be at least ${tokenLifetime.minimum} seconds`)
  .max(tokenLifetime.maximum, `must be at most ${tokenLifetime.maximum} seconds`);

/** The alias that a request names. */
export const namedAlias = z
  .strictObject({
    id: id('alias').answer,
    path: z.string(),
    source: z.string().meta({ description: 'The path of the managed identity.' }),
  })
  .meta({ id: 'NamedAlias' });

/** Name, type and subject scope never change: the trust policy in the cloud depends on them. */
export const managedIdentities = entity({
  table: 'managed_identities',
  schema: 'ManagedIdentity',
  fields: {
    id: { column: id('managed_identity') },
    organization_id: { column: id('group') },
    group_id: { column: id('group') },
    group: { answer: z.string(), meaning: 'The path of the group.', create: ref },
    name: { column: text, create: name },
    path: { answer: z.string() },
    type: { column: text, meaning: 'The kind of identity, such as `aws`.', create: identityType, audited: true },
    description: {
      column: text,
      hasDefault: true,
      create: description.default(''),
      change: description.optional(),
    },
    settings: { column: storedSettings, create: settings, change: settings.optional(), audited: true },
    audience: { column: nullable(text), answer: null },
    subject_scope: { column: subjectScope, create: subjectScope.answer.default('workspace') },
    delivery: {
      column: delivery,
      create: delivery.answer.optional().meta({
        description:
          'Left out: `both` for kinds whose credential is the token itself (`kubernetes`, `oidc`), else `credentials`.',
      }),
      change: delivery.answer.optional(),
      audited: true,
    },
    token_lifetime: {
      column: integer,
      meaning: 'Seconds.',
      create: lifetime.default(tokenLifetime.default),
      change: lifetime.optional(),
    },
    alias: {
      answer: namedAlias.optional(),
      meaning: 'Where the request names an alias: that alias. `path` is the source.',
    },
    created_at: { column: time },
    version: { column: version, hasDefault: true },
  },
  createFirst: ['name', 'group', 'type', 'settings'],
});
