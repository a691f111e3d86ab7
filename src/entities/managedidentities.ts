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
    id: id('alias').answer.meta({
      description: 'The id of the alias.',
      examples: ['alias_01jd2ze0q8v5n3w4x6y7t9m2ab'],
    }),
    path: z.string().meta({
      description: 'The path of the alias: that of its group, and its name.',
      examples: ['acme/simulation/aws'],
    }),
    source: z.string().meta({ description: 'The path of the managed identity.', examples: ['acme/research/aws'] }),
  })
  .meta({ id: 'NamedAlias' });

/** Name, type and subject scope never change: the trust policy in the cloud depends on them. */
export const managedIdentities = entity({
  table: 'managed_identities',
  schema: 'ManagedIdentity',
  fields: {
    id: { column: id('managed_identity') },
    organization_id: { column: id('group') },
    group_id: { column: id('group'), meaning: 'The group that it belongs to.' },
    group: {
      answer: z.string(),
      meaning: 'The path of the group. In requests also its id.',
      example: 'acme/research',
      create: ref,
    },
    name: { column: text, meaning: 'The name in its group. It never changes.', example: 'aws', create: name },
    path: { answer: z.string(), meaning: 'The path of the group and the name.', example: 'acme/research/aws' },
    type: {
      column: text,
      meaning: 'The kind of identity. It never changes, and decides the members of `settings`.',
      example: 'aws',
      answer: identityType,
      create: identityType,
      audited: true,
    },
    description: {
      column: text,
      hasDefault: true,
      meaning: 'Free text, at most 1000 characters.',
      example: 'Writes simulation results',
      create: description.default(''),
      change: description.optional(),
    },
    settings: { column: storedSettings, create: settings, change: settings.optional(), audited: true },
    audience: { column: nullable(text), answer: null },
    subject_scope: {
      column: subjectScope,
      meaning:
        'What the subject names beside the identity, and so what the cloud can tell apart. It never changes. With `user` and `workspace_user` a job needs a user.',
      create: subjectScope.answer.default('workspace'),
    },
    delivery: {
      column: delivery,
      meaning: 'What a job gets: credentials of the cloud, the workload token itself, or the choice of both.',
      create: delivery.answer.optional().meta({
        description:
          'What a job gets. Left out: `both` for kinds whose credential is the token itself (`kubernetes`, `oidc`), else `credentials`.',
      }),
      change: delivery.answer.optional(),
      audited: true,
    },
    token_lifetime: {
      column: integer,
      meaning: 'Seconds for which a workload token is valid.',
      example: 600,
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
