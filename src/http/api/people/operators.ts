import { z } from 'zod';
import { linkPattern, operatorLinkPrefix } from '../../../core/links.ts';
import { printable, ref } from '../../../entities/inputs.ts';
import { detachPerson } from '../../../services/people/detach.ts';
import { type Route, route } from '../../route.ts';
import { iso } from '../present.ts';
import { userId } from '../schemas.ts';
import { detachedUsers, operatorToken, ownerLink } from './operatorresponses.ts';

const detachment = z
  .strictObject({
    user: userId.optional(),
    iss: printable(2048)
      .optional()
      .meta({
        description: 'The issuer of the person at sign-in, exactly as in the ID token. Send it with `sub`.',
        examples: ['https://login.acme.example'],
      }),
    sub: printable(255)
      .optional()
      .meta({
        description: 'The subject of the person at sign-in. Send it with `iss`.',
        examples: ['00u1a2b3c4'],
      }),
  })
  .refine(
    ({ user, iss, sub }) => (user === undefined) === (iss !== undefined && sub !== undefined) && !iss === !sub,
    'must have `user`, or `iss` and `sub`',
  );

export const operatorRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/admin-links/redeem',
    summary: 'Open the one-time link of an operator or an owner: an access token for them, told once',
    description:
      'Exchanges the token of a one-time link for an access token of the operator or owner that it was made for. Links come from `arsia server admin link`, `arsia server admin recover` and `POST /owner-links`. A link works once, within 15 minutes. The access token is valid for one hour.',
    action: 'admin_link.redeem',
    who: 'whoever has the token of the link; no access token is needed',
    errors: ['unauthenticated', 'user_inactive'],
    bearer: 'none',
    status: 200,
    body: z.strictObject({
      token: z
        .string()
        .regex(linkPattern, 'must be the token of a one-time link')
        .meta({ description: 'The part of the link after `#`.', examples: [`${operatorLinkPrefix}${'x'.repeat(43)}`] }),
    }),
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
    description:
      'Creates a one-time link that signs in an owner of an organisation who cannot sign in otherwise. The audit of the organisation records it. `owner` may be left out if the organisation has exactly one active owner.',
    action: 'owner_link.create',
    errors: ['not_found', 'conflict'],
    body: z.strictObject({
      organization: ref.meta({ description: 'The organisation, by id or name.', examples: ['acme'] }),
      owner: ref.optional().meta({
        description: 'The owner, by id or login. Needed where the organisation has several active owners.',
        examples: ['ada@acme.example'],
      }),
    }),
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
    description:
      'Detaches a person of the identity provider from a user, or from all users of that person. Sign-in as these users ends, with their sessions, their tokens and the jobs that they started. Users, roles and history stay. The person can then accept an invitation again.',
    action: 'user_identity.detach',
    errors: ['not_found'],
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
