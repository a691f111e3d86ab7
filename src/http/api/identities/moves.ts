import { z } from 'zod';
import { ref } from '../../../entities/inputs.ts';
import { managedIdentities } from '../../../entities/managedidentities.ts';
import { type Route, route } from '../../route.ts';
import { presentIdentity } from '../present.ts';
import { force } from '../schemas.ts';

export const identityMoveRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/managed-identities/:id/move',
    summary: 'Move a managed identity to another group of the organisation; its subject stays',
    description:
      'Moves a managed identity to another group of the same organisation. Its subject stays, so nothing changes at the cloud; its path changes. Without `force` it is refused while a workspace would lose the identity; with `force` it is unassigned there. Needs the permission on both groups.',
    action: 'managed_identity.move',
    errors: ['conflict', 'settings_unreadable'],
    status: 200,
    body: z.strictObject({
      group: ref.meta({ description: 'The group to move it to, by id or path.', examples: ['acme/production'] }),
    }),
    query: z.strictObject({ force }),
    response: managedIdentities.answer,
    async handle({ api, call, params, body, query }) {
      const input = { ref: params.id!, ...body, force: query.force === 'true' };
      return presentIdentity((await api.pipeline.perform(api.actions.identities.move, call, input)).identity);
    },
  }),
];
