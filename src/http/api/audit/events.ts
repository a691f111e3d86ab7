import { z } from 'zod';
import { presentEvent } from '../../../services/audit/events.ts';
import { type Route, route } from '../../route.ts';
import { listOf } from '../answers.ts';
import { auditEvent } from '../issuing/responses.ts';
import { presentPage, readPage } from '../present.ts';
import { page } from '../schemas.ts';

const idFilter = z
  .string()
  .regex(/^[\w.-]{1,64}$/, 'must be an id, or the name of an action')
  .optional();

/** RFC 3339 time, parsed to milliseconds since 1970. */
const time = z.iso
  .datetime({ offset: true, error: 'must be an RFC 3339 time, such as 2026-01-31T12:00:00Z' })
  .transform((text) => Date.parse(text))
  .optional();

const filters = z.strictObject({
  jti: idFilter,
  actor: idFilter,
  user: idFilter,
  workspace: idFilter,
  identity: idFilter,
  job: idFilter,
  action: idFilter,
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

/** Returns the filters by column, for the parameters that were sent. */
function filterOf({ actor, user, workspace, identity, job, ...rest }: z.output<typeof filters>) {
  const ids = { actor_id: actor, user_id: user, workspace_id: workspace, identity_id: identity, job_id: job };
  return Object.fromEntries(Object.entries({ ...rest, ...ids }).filter(([, value]) => value !== undefined));
}

/** The kernel fills in the names. */
const unnamed = { actor: null, user: null, workspace: null, identity: null, target: null };

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
        filter: filterOf(rest),
        page: readPage({ limit, cursor }),
      });
      return presentPage(rows, limit, (row) => ({ ...presentEvent(row), ...unnamed }));
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
        filter: filterOf(rest),
        ...(after_position !== undefined && { after_position }),
      }),
  }),
];
