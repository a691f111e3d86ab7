import { z } from 'zod';
import { jobDeadline } from '../core/lifetimes.ts';
import { bytes, id, integer, json, nullable, text, time, version } from './columns.ts';
import { entity } from './entity.ts';
import { description, labels, name, ref } from './inputs.ts';

/** A time (RFC 3339), or whole seconds from now. */
const deadline = z.union(
  [z.iso.datetime({ offset: true }), z.int().min(jobDeadline.minimum).max(jobDeadline.maximum)],
  'must be an RFC 3339 time or whole seconds from now, 1 minute to 7 days ahead',
);

export const jobs = entity({
  table: 'jobs',
  schema: 'Job',
  fields: {
    id: { column: id('job') },
    organization_id: { column: id('group') },
    workspace: { nameOf: 'workspace_id' },
    workspace_id: { column: id('workspace') },
    user: { create: ref.optional(), nameOf: 'user_id' },
    user_id: { column: nullable(id('user')) },
    launcher: { nameOf: 'launcher_id' },
    launcher_id: { column: nullable(id('service_account')) },
    started_by: { column: text },
    starter: { nameOf: 'started_by' },
    stage: { column: text, create: name.default('interactive'), audited: true },
    labels: { column: json(z.record(z.string(), z.string())), create: labels.default({}), audited: true },
    reference: {
      column: nullable(text),
      create: description.max(256, 'must be at most 256 characters').optional(),
      audited: true,
    },
    state: { answer: z.enum(['running', 'ended']) },
    deadline: { column: time, create: deadline.optional() },
    ended_at: { column: nullable(time) },
    created_at: { column: time },
    version: { column: version, hasDefault: true },
    /** Seconds without a heartbeat after which the job is ended. */
    heartbeat: {
      create: z.int('must be whole seconds').min(10, 'must be at least 10 seconds').max(86_400).optional(),
    },
    parent: { create: ref.optional() },
    parent_id: { column: nullable(id('job')), meaning: 'The job whose array task this is.' },
    task_index: {
      column: nullable(integer),
      create: z.int('must be a whole number').min(0).max(1_000_000).optional(),
    },
    heartbeat_seconds: { column: nullable(integer) },
    heartbeat_at: { column: nullable(time) },
    token_hash: { column: bytes, answer: null },
  },
  createFirst: ['user', 'stage', 'labels', 'deadline'],
});

/**
 * The columns that are facts of a mint (`MintFacts` in core), beside the id. They are read as JSON: a time would be a string.
 */
export const mintedColumns = ['user_id', 'stage', 'labels'] as const;
