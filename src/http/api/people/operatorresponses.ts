import { z } from 'zod';
import { id, secret, time, withheld } from '../answers.ts';

export const operatorToken = z
  .strictObject({
    login: z.string().meta({ description: 'The login of the operator or owner.', examples: ['ada@acme.example'] }),
    organization: z
      .string()
      .optional()
      .meta({ description: 'The name of the organisation; only for the link of an owner.', examples: ['acme'] }),
    access_token: z
      .string()
      .meta({ description: 'The access token, for `Authorization: Bearer`.', examples: ['arsia_at_...'] }),
    expires_at: time.meta({ description: 'The end of the access token.' }),
  })
  .meta({ id: 'OperatorToken' });

export const ownerLink = z
  .strictObject({
    token: secret(
      'Opens the link: in a browser at `<issuer>/link#<token>`, or by POST /admin-links/redeem',
      'arsia_owner_...',
    ),
    expires_at: time.meta({ description: 'The end of the link.' }),
    organization_id: id('group').meta({ description: 'The organisation.' }),
    user_id: id('user').meta({ description: 'The owner.' }),
    login: z.string().meta({ description: 'The login of the owner.', examples: ['ada@acme.example'] }),
    withheld,
  })
  .meta({ id: 'OwnerLink' });

export const detachedUsers = z
  .strictObject({
    users: z
      .array(
        z.strictObject({
          id: id('user').meta({ description: 'The user.' }),
          organization_id: id('group').nullable().meta({ description: 'Its organisation; null for operators.' }),
          login: z.string().meta({ description: 'Its login.', examples: ['ada@acme.example'] }),
        }),
      )
      .meta({ description: 'The users that were detached.' }),
  })
  .meta({ id: 'DetachedUsers' });
