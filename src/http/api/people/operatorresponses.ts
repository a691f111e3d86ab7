import { z } from 'zod';
import { id, secret, time, withheld } from '../answers.ts';

export const operatorToken = z
  .strictObject({
    login: z.string(),
    organization: z
      .string()
      .optional()
      .meta({ description: 'The name of the organisation; only for the link of an owner.' }),
    access_token: z.string(),
    expires_at: time,
  })
  .meta({ id: 'OperatorToken' });

export const ownerLink = z
  .strictObject({
    token: secret('Opens the link: in a browser at `<issuer>/link#<token>`, or by POST /admin-links/redeem'),
    expires_at: time,
    organization_id: id('group'),
    user_id: id('user'),
    login: z.string(),
    withheld,
  })
  .meta({ id: 'OwnerLink' });

export const detachedUsers = z
  .strictObject({
    users: z.array(z.strictObject({ id: id('user'), organization_id: id('group').nullable(), login: z.string() })),
  })
  .meta({ id: 'DetachedUsers' });
