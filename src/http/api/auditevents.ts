import { z } from 'zod';
import { type Route, route } from '../route.ts';
import { presentPage, readPage } from './present.ts';
import { pageOf } from './schemas.ts';

const idFilter = z
  .string()
  .regex(/^[\w.-]{1,64}$/, 'must be an id, or the name of an action')
  .optional();

export const auditRoutes: Route[] = [
  route({
    method: 'GET',
    path: '/audit-events',
    summary: 'What was done and refused: of the organisation for its owners, of the installation for operators',
    action: 'audit_event.list',
    query: pageOf('event').extend({
      jti: idFilter,
      actor: idFilter,
      user: idFilter,
      workspace: idFilter,
      identity: idFilter,
      job: idFilter,
      action: idFilter,
      outcome: z.enum(['success', 'refused', 'failed'], 'must be success, refused or failed').optional(),
    }),
    async handle({ api, call, query }) {
      const { limit, cursor, actor, user, workspace, identity, job, ...rest } = query;
      const ids = { actor_id: actor, user_id: user, workspace_id: workspace, identity_id: identity, job_id: job };
      const filter = Object.fromEntries(Object.entries({ ...rest, ...ids }).filter(([, value]) => value !== undefined));
      const rows = await api.pipeline.perform(api.actions.audit.list, call, {
        filter,
        page: readPage({ limit, cursor }),
      });
      return presentPage(rows, limit, (event) => ({ ...event, at: new Date(event.at).toISOString() }));
    },
  }),
];
