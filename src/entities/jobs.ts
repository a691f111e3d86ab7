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
    workspace: { nameOf: 'workspace_id', example: 'acme/research/wing' },
    workspace_id: { column: id('workspace'), meaning: 'The workspace that the job runs in.' },
    user: {
      nameOf: 'user_id',
      create: ref.optional(),
      meaning:
        'The user that the job runs for, by id or login. Default: a person starts it for themselves, a service account for itself without a user.',
      example: 'ada@acme.example',
    },
    user_id: { column: nullable(id('user')), meaning: 'The user that the job runs for; null: the launcher itself.' },
    launcher: { nameOf: 'launcher_id', example: 'acme/research/launcher' },
    launcher_id: {
      column: nullable(id('service_account')),
      meaning: 'The service account that started the job; null: the user did.',
    },
    started_by: {
      column: text,
      meaning: 'The id of the principal that started the job.',
      example: 'sa_01jd2ze0q8v5n3w4x6y7t9m2ab',
    },
    starter: { nameOf: 'started_by', example: 'acme/research/launcher' },
    stage: {
      column: text,
      meaning:
        'The stage of the work, which access rules check. A job that a person starts has the stage `interactive`.',
      example: 'prod',
      create: name.default('interactive'),
      audited: true,
    },
    labels: {
      column: json(z.record(z.string(), z.string())),
      meaning: 'Facts about the job, which access rules check. At most 32; only a right to act allows any.',
      example: { project: 'wing' },
      create: labels.default({}),
      audited: true,
    },
    reference: {
      column: nullable(text),
      meaning: 'Free text of the launcher, such as the number of the job in its queue. At most 256 characters.',
      example: 'slurm-48151',
      create: description.max(256, 'must be at most 256 characters').optional(),
      audited: true,
    },
    state: { answer: z.enum(['running', 'ended']), meaning: '`ended`: its token is refused.' },
    deadline: {
      column: time,
      meaning: 'The time at which the job ends by itself.',
      create: deadline.optional().meta({
        description:
          'When the job ends by itself: a time (RFC 3339) or seconds from now, from 1 minute to 7 days ahead. Default: 1 day. An array task ends no later than its parent.',
        examples: [3600],
      }),
    },
    ended_at: { column: nullable(time), meaning: 'The time of the end; null while the job runs.' },
    ended_by: {
      column: nullable(text),
      meaning:
        'Why the job ended: `deadline`, `heartbeat`, `parent` (it was an array task of a job that ended), or the id of who ended it. Null while the job runs, and for jobs that ended under an earlier release.',
      example: 'deadline',
    },
    ender: {
      nameOf: 'ended_by',
      meaning: 'The name of who ended the job. Null where `ended_by` is no id, and for what the caller may not see.',
      example: 'ada@acme.example',
    },
    created_at: { column: time },
    version: { column: version, hasDefault: true },
    heartbeat: {
      meaning: 'Seconds without a heartbeat after which the job ends. Left out: the job needs no heartbeat.',
      example: 60,
      create: z.int('must be whole seconds').min(10, 'must be at least 10 seconds').max(86_400).optional(),
    },
    parent: {
      create: ref.optional(),
      meaning:
        'The id of a running job of this workspace that the caller started: the new job is an array task of it, for the same user, stage and labels.',
      example: 'job_01jd2ze0q8v5n3w4x6y7t9m2ab',
    },
    parent_id: { column: nullable(id('job')), meaning: 'The job whose array task this is; null for other jobs.' },
    task_index: {
      column: nullable(integer),
      meaning:
        'The index of the array task, which is unique below its parent. Required with `parent`; null for other jobs.',
      example: 7,
      create: z.int('must be a whole number').min(0).max(1_000_000).optional(),
    },
    heartbeat_seconds: {
      column: nullable(integer),
      meaning: 'Seconds without a heartbeat after which the job ends; null: it needs none.',
      example: 60,
    },
    heartbeat_at: { column: nullable(time), meaning: 'The time of the last heartbeat; null: it needs none.' },
    token_hash: { column: bytes, answer: null },
  },
  createFirst: ['user', 'stage', 'labels', 'deadline'],
});

/**
 * The columns that are facts of a mint (`MintFacts` in core), beside the id. They are read as JSON: a time would be a string.
 */
export const mintedColumns = ['user_id', 'stage', 'labels'] as const;
