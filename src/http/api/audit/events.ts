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

const idFilter = z
  .string()
  .regex(/^[\w.-]{1,64}$/, 'must be an id')
  .optional();

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
  .transform((text) => Date.parse(text))
  .optional();

const filters = z.strictObject({
  jti: idFilter,
  request_id: idFilter.describe(
    'The `X-Request-Id` of an answer or a log line. Without `since` it finds everything but tokens that were minted',
  ),
  actor: ref.optional().describe('Id, login of a user, or path of a service account'),
  user: ref.optional().describe('Id or login'),
  workspace: ref.optional().describe('Id or path'),
  identity: ref.optional().describe('Id or path'),
  job: idFilter,
  action: oneOf('an action', actionNames),
  code: oneOf('an error code', Object.keys(errorTable) as ErrorCode[]).describe('Code of a refusal or failure'),
  outcome: z.enum(['success', 'refused', 'failed'], 'must be success, refused or failed').optional(),
  since: time.describe('From this moment on, by the clock of the replica that recorded the event'),
  until: time.describe('Before this moment, by the clock of the replica that recorded the event'),
});

const exportQuery = filters.extend({
  after_position: z
    .string()
    .regex(/^(?:0|[1-9]\d{0,14})$/, 'must be the `position` of an event, or 0')
    .transform(Number)
    .optional()
    .describe('Above this position: the `position` of the last line that was read'),
});

/** Returns the search by the parameters that were sent. */
function readSearch({ actor, user, workspace, identity, job, ...rest }: z.output<typeof filters>) {
  const filter = Object.fromEntries(
    Object.entries({ ...rest, job_id: job }).filter(([, value]) => value !== undefined),
  );
  return { filter, named: { actor, user, workspace, identity } };
}

export const auditRoutes: Route[] = [
  route({
    method: 'GET',
    path: '/audit-events',
    summary: 'What was done and refused: of the organisation for its owners, of the installation for operators',
    action: 'audit_event.list',
    query: page.extend(filters.shape),
    response: listOf(auditEvent),
    async handle({ api, call, query }) {
      const { limit, cursor, ...rest } = query;
      const rows = await api.pipeline.perform(api.actions.audit.list, call, {
        ...readSearch(rest),
        page: readPage({ limit, cursor }),
      });
      return presentPage(rows, limit, presentEvent);
    },
  }),
  route({
    method: 'GET',
    path: '/audit-events/export',
    summary: 'All of them as NDJSON in the order of `position`; go on with `after_position` from the last line',
    action: 'audit_event.export',
    media_type: 'application/x-ndjson',
    query: exportQuery,
    handle: ({ api, call, query: { after_position, ...rest } }) =>
      api.pipeline.perform(api.actions.audit.export, call, {
        ...readSearch(rest),
        ...(after_position !== undefined && { after_position }),
      }),
  }),
];
