import { z } from 'zod';
import { type ErrorCode, errorTable } from '../../../core/errors.ts';
import { nearestName } from '../../../core/nearestname.ts';
import { ref } from '../../../entities/inputs.ts';
import { actionNames } from '../../../services/actionnames.ts';
import { presentEvent } from '../../../services/audit/events.ts';
import { type Route, route } from '../../route.ts';
import { listOf } from '../answers.ts';
import { auditEvent } from '../issuing/responses.ts';
import { presentPage, readPage } from '../present.ts';
import { page } from '../schemas.ts';

const idFilter = (description: string, example: string) =>
  z
    .string()
    .regex(/^[\w.-]{1,64}$/, 'must be an id')
    .optional()
    .meta({ description, examples: [example] });

const refFilter = (description: string, example: string) => ref.optional().meta({ description, examples: [example] });

/** One of `names`. A refusal tells the nearest of them, and does not quote what was sent. */
function oneOf<Name extends string>(noun: string, names: readonly Name[]) {
  const error = ({ input }: { input?: unknown }) =>
    typeof input === 'string'
      ? `is not ${noun}: the nearest is ${nearestName(input, names).name}`
      : `must be ${noun}, given once`;
  return z.enum(names, { error }).optional();
}

/** RFC 3339 time, parsed to milliseconds since 1970. */
const time = z.iso
  .datetime({ offset: true, error: 'must be an RFC 3339 time, such as 2026-01-31T12:00:00Z' })
  .meta({ examples: ['2026-01-31T12:00:00Z'] })
  .transform((text) => Date.parse(text))
  .optional();

const filters = z.strictObject({
  jti: idFilter('Events about the workload token with this `jti`.', 'evt_01jd2ze0q8v5n3w4x6y7t9m2ab'),
  request_id: idFilter(
    'Events of the request with this id, which answers have as `X-Request-Id` and log lines as `request_id`. A token that was minted is found only together with `since`.',
    '0d7a4fd2-6c0e-4a37-9d57-2f4f8a3f6f0c',
  ),
  actor: refFilter(
    'Events that this principal caused: an id, the login of a user, or the path of a service account.',
    'acme/launcher',
  ),
  user: refFilter('Events about this user, by id or login.', 'ada@acme.example'),
  workspace: refFilter('Events about this workspace, by id or path.', 'acme/lab/sim'),
  identity: refFilter('Events about this managed identity, by id or path.', 'acme/lab/s3-reader'),
  job: idFilter('Events about this job, by id.', 'job_01jd2ze0q8v5n3w4x6y7t9m2ab'),
  action: oneOf('an action', actionNames).meta({
    description: 'Events of this action. `docs/audit-actions.md` lists the actions.',
    examples: ['job.start'],
  }),
  code: oneOf('an error code', Object.keys(errorTable) as ErrorCode[]).meta({
    description: 'Refusals and failures with this error code.',
    examples: ['job_ended'],
  }),
  outcome: z
    .enum(['success', 'refused', 'failed'], 'must be success, refused or failed')
    .optional()
    .meta({ description: 'Only events with this outcome.' }),
  since: time.meta({
    description: 'From this moment on (RFC 3339), by the clock of the replica that recorded the event.',
  }),
  until: time.meta({
    description: 'Before this moment (RFC 3339), by the clock of the replica that recorded the event.',
  }),
});

const exportQuery = filters.extend({
  after_position: z
    .string()
    .regex(/^(?:0|[1-9]\d{0,14})$/, 'must be the `position` of an event, or 0')
    // An example after the transformation would be one of its result, which requests do not show.
    .meta({ examples: ['48151'] })
    .transform(Number)
    .optional()
    .meta({ description: 'Only events above this position: the `position` of the last line that was read.' }),
});

/** Returns the search by the parameters that were sent. */
function readSearch({ actor, user, workspace, identity, job, ...rest }: z.output<typeof filters>) {
  const filter = Object.fromEntries(
    Object.entries({ ...rest, job_id: job }).filter(([, value]) => value !== undefined),
  );
  return { filter, named: { actor, user, workspace, identity } };
}

/** The kernel fills in the names. */
const unnamed = { actor: null, user: null, workspace: null, identity: null, target: null };

export const auditRoutes: Route[] = [
  route({
    method: 'GET',
    path: '/audit-events',
    summary: 'What was done and refused: of the organisation for its owners, of the installation for operators',
    description:
      "Lists audit events, newest first. An event says who did or tried what, when, from where, and whether it succeeded. Filters combine with AND. The list holds the events of the caller's organisation; an operator without an organisation reads those of the installation. The actions are listed in `docs/audit-actions.md`.",
    action: 'audit_event.list',
    who: 'owners of the organisation (permission `audit.view`); operators, for the events of the installation',
    errors: ['not_found'],
    query: page.extend(filters.shape),
    response: listOf(auditEvent),
    async handle({ api, call, query }) {
      const { limit, cursor, ...rest } = query;
      const rows = await api.pipeline.perform(api.actions.audit.list, call, {
        ...readSearch(rest),
        page: readPage({ limit, cursor }),
      });
      return presentPage(rows, limit, (row) => ({ ...presentEvent(row), ...unnamed }));
    },
  }),
  route({
    method: 'GET',
    path: '/audit-events/export',
    summary: 'All of them as NDJSON in the order of `position`; go on with `after_position` from the last line',
    description:
      'Streams audit events as NDJSON, one event per line, oldest first. To continue an export, send the `position` of the last complete line as `after_position`: each event is then delivered exactly once.',
    action: 'audit_event.export',
    who: 'owners of the organisation (permission `audit.view`); operators, for the events of the installation',
    errors: ['not_found'],
    media_type: 'application/x-ndjson',
    query: exportQuery,
    handle: ({ api, call, query: { after_position, ...rest } }) =>
      api.pipeline.perform(api.actions.audit.export, call, {
        ...readSearch(rest),
        ...(after_position !== undefined && { after_position }),
      }),
  }),
];
