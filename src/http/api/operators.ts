import { z } from 'zod';
import { type Route, route } from '../route.ts';
import { iso } from './present.ts';
import { operatorToken } from './responses/issuing.ts';

export const operatorRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/admin-links/redeem',
    summary: 'Open the one-time link of `arsia admin link`: an access token for the operator, told once',
    action: 'admin_link.redeem',
    bearer: 'none',
    status: 200,
    body: z.strictObject({ token: z.string().regex(/^arsia_link_[\w-]{43}$/, 'is no token of a link') }),
    response: operatorToken,
    async handle({ api, call, body }) {
      const { user, token } = await api.operators.redeem(call, body.token);
      return { login: user.login, ...token, expires_at: iso(token.expires_at) };
    },
  }),
];
