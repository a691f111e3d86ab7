import { z } from 'zod';
import { linkPattern } from '../../../core/links.ts';
import { printable, ref } from '../../../entities/inputs.ts';
import { detachPerson } from '../../../services/people/detach.ts';
import { type Route, route } from '../../route.ts';
import { iso } from '../present.ts';
import { userId } from '../schemas.ts';
import { detachedUsers, operatorToken, ownerLink } from './operatorresponses.ts';

const detachment = z
  .strictObject({ user: userId.optional(), iss: printable(2048).optional(), sub: printable(255).optional() })
  .refine(
    ({ user, iss, sub }) => (user === undefined) === (iss !== undefined && sub !== undefined) && !iss === !sub,
    'must have `user`, or `iss` and `sub`',
  );

export const operatorRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/admin-links/redeem',
    summary: 'Open the one-time link of an operator or an owner: an access token for them, told once',
    action: 'admin_link.redeem',
    bearer: 'none',
    status: 200,
    body: z.strictObject({ token: z.string().regex(linkPattern, 'must be the token of a one-time link') }),
    response: operatorToken,
    async handle({ api, call, body }) {
      const { user, organization, token } = await api.operators.redeem(call, body.token);
      return {
        login: user.login,
        ...(organization !== null && { organization }),
        ...token,
        expires_at: iso(token.expires_at),
      };
    },
  }),
  route({
    method: 'POST',
    path: '/owner-links',
    summary: 'For operators: a one-time link that lets an owner of an organisation in, recorded in its audit',
    action: 'owner_link.create',
    body: z.strictObject({ organization: ref, owner: ref.optional() }),
    response: ownerLink,
    async handle({ api, call, body }) {
      const { token, expires_at, user, organization } = await api.pipeline.perform(
        api.actions.owners.createLink,
        call,
        body,
      );
      return {
        token,
        expires_at: iso(expires_at),
        organization_id: organization.id,
        user_id: user.id,
        login: user.login,
      };
    },
  }),
  route({
    method: 'POST',
    path: '/user-identities/detach',
    summary: 'For operators: end the sign-in of a user, or of all users of a person',
    action: 'user_identity.detach',
    status: 200,
    body: detachment,
    response: detachedUsers,
    async handle({ api, call, body: { user, iss, sub } }) {
      const whom = user === undefined ? { iss: iss!, sub: sub! } : { login: user };
      const users = await detachPerson(api.pipeline, call, whom);
      return { users: users.map(({ id, organization_id, login }) => ({ id, organization_id, login })) };
    },
  }),
];
