import { z } from 'zod';
import { ref } from '../../../entities/inputs.ts';
import { managedIdentities } from '../../../entities/managedidentities.ts';
import { type Route, route } from '../../route.ts';
import { presentIdentity } from '../present.ts';
import { flag } from '../schemas.ts';

export const identityMoveRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/managed-identities/:id/move',
    summary: 'Move a managed identity to another group of the organisation; its subject stays',
    action: 'managed_identity.move',
    status: 200,
    body: z.strictObject({ group: ref }),
    query: z.strictObject({ force: flag }),
    response: managedIdentities.answer,
    async handle({ api, call, params, body, query }) {
      const input = { ref: params.id!, ...body, force: query.force === 'true' };
      return presentIdentity((await api.pipeline.perform(api.actions.identities.move, call, input)).identity);
    },
  }),
];
