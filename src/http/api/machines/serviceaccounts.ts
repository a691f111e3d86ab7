import { z } from 'zod';
import { serviceAccounts } from '../../../entities/serviceaccounts.ts';
import type { ServiceAccount } from '../../../store/machines/serviceaccounts.ts';
import { type Route, route } from '../../route.ts';
import { id, listOf, secret, time, withheld } from '../answers.ts';
import { iso, positionIn, presentPage, readPage } from '../present.ts';
import { activity, flag, force, namePrefix, page } from '../schemas.ts';

const clientSecret = z
  .strictObject({
    id: id('secret').meta({ description: 'The id, to delete the secret. It is not secret.' }),
    client_id: id('service_account').meta({ description: 'The id of the service account, for `/oauth2/token`.' }),
    client_secret: secret('The secret of the OAuth client', 'a client secret'),
    expires_at: time.meta({ description: 'The secret is refused after this time: 90 days after its creation.' }),
    withheld,
  })
  .meta({ id: 'ClientSecret' });

/** A client secret without its value. */
const secretFacts = z
  .strictObject({
    id: id('secret').meta({ description: 'The id, to delete the secret. It is not secret.' }),
    client_id: id('service_account').meta({ description: 'The id of the service account.' }),
    created_at: time.meta({ description: 'When the secret was created.' }),
    expires_at: time.meta({ description: 'The secret is refused after this time.' }),
  })
  .meta({ id: 'ClientSecretFacts' });

export const serviceAccountRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/service-accounts',
    summary: 'Create a service account in a group',
    description:
      'Creates a service account in a group. It has no role yet: give it one with `POST /memberships`, or a right to act. It authenticates at `/oauth2/token` with its id as `client_id` and a client secret, a registered key (`jwks`), or a token of an outside issuer that a trust rule admits.',
    action: 'service_account.create',
    errors: ['conflict'],
    body: serviceAccounts.create,
    response: serviceAccounts.answer,
    handle: async ({ api, call, body }) =>
      presentServiceAccount(await api.pipeline.perform(api.actions.serviceAccounts.create, call, body)),
  }),
  route({
    method: 'GET',
    path: '/service-accounts',
    summary: 'The service accounts of the groups that you see',
    description: 'Lists the service accounts in the groups that the caller can see.',
    action: 'service_account.list',
    who: 'every member of the organisation; the list has what the roles of the caller let it see (permission `service_account.view`)',
    query: page.extend({ q: namePrefix, state: activity }),
    response: listOf(serviceAccounts.answer),
    async handle({ api, call, query: { q, state, ...range } }) {
      const filter = { q, is_active: state && state === 'active', page: readPage(range) };
      const rows = await api.pipeline.perform(api.actions.serviceAccounts.list, call, filter);
      return presentPage(
        rows,
        range.limit,
        presentServiceAccount,
        positionIn({ q }, ({ name }) => name),
      );
    },
  }),
  route({
    method: 'GET',
    path: '/service-accounts/:id',
    summary: 'One service account, by id or path',
    description: 'Returns one service account.',
    action: 'service_account.get',
    response: serviceAccounts.answer,
    handle: async ({ api, call, params }) =>
      presentServiceAccount(await api.pipeline.perform(api.actions.serviceAccounts.get, call, { ref: params.id! })),
  }),
  route({
    method: 'PATCH',
    path: '/service-accounts/:id',
    summary: 'Change or deactivate a service account, register its public keys',
    description:
      'Changes the description, the public keys or the activity of a service account. Members that are left out stay. An account with public keys has no client secrets: while it has live ones, registering keys is refused, or with `force` deletes them. A deactivated account gets no access token, and its access tokens and jobs are refused with the next request.',
    action: 'service_account.update',
    errors: ['conflict'],
    query: z.strictObject({ force }),
    body: serviceAccounts.change,
    response: serviceAccounts.answer,
    handle: async ({ api, call, params, query, body }) =>
      presentServiceAccount(
        await api.pipeline.perform(api.actions.serviceAccounts.update, call, {
          ...body,
          ref: params.id!,
          force: query.force === 'true',
        }),
      ),
  }),
  route({
    method: 'DELETE',
    path: '/service-accounts/:id',
    summary:
      'Delete a service account with its secrets and trust rules; refused with its roles, grants and running jobs, unless forced',
    description:
      'Deletes a service account with its secrets, keys, trust rules and tokens. Without `force` it is refused while it has a role, a right to act, a grant, an identity of its own in a workspace or a running job; the refusal lists those that you may see. With `force` these end too. Its id is never used again, and its name is free. Jobs and audit events still name it by the path that it had.',
    action: 'service_account.delete',
    errors: ['conflict'],
    query: z.strictObject({
      force: flag.meta({
        description: 'Ends what it was given and its running jobs, instead of refusing the request.',
      }),
    }),
    handle: ({ api, call, params, query }) =>
      api.pipeline.perform(api.actions.serviceAccounts.remove, call, {
        ref: params.id!,
        force: query.force === 'true',
      }),
  }),
  route({
    method: 'POST',
    path: '/service-accounts/:id/secrets',
    summary: 'Make a client secret; it is told once',
    description:
      'Creates a client secret for a service account and returns it, once. Arsia stores only its hash. Several secrets can be valid at a time, so that one can be replaced without an outage. Refused for an account with registered keys.',
    action: 'service_account_secret.create',
    errors: ['conflict'],
    response: clientSecret,
    async handle({ api, call, params }) {
      const secret = await api.pipeline.perform(api.actions.serviceAccounts.createSecret, call, { ref: params.id! });
      return { ...secret, expires_at: iso(secret.expires_at) };
    },
  }),
  route({
    method: 'GET',
    path: '/service-accounts/:id/secrets',
    summary: 'The client secrets of a service account, without their values',
    description:
      'Lists the client secrets of a service account with their times, those that have expired too. The values are not stored, so no answer has them.',
    action: 'service_account_secret.list',
    query: page,
    response: listOf(secretFacts),
    handle: async ({ api, call, params, query }) =>
      presentPage(
        await api.pipeline.perform(api.actions.serviceAccounts.listSecrets, call, {
          ref: params.id!,
          page: readPage(query),
        }),
        query.limit,
        (row) => ({
          id: row.id,
          client_id: row.service_account_id,
          created_at: iso(row.created_at),
          expires_at: iso(row.expires_at),
        }),
      ),
  }),
  route({
    method: 'DELETE',
    path: '/service-accounts/:id/secrets/:secret',
    summary: 'Delete a client secret',
    description: 'Deletes a client secret. It is refused from the next request on.',
    action: 'service_account_secret.delete',
    handle: ({ api, call, params }) =>
      api.pipeline.perform(api.actions.serviceAccounts.removeSecret, call, {
        ref: params.id!,
        secret: params.secret!,
      }),
  }),
];

function presentServiceAccount(row: ServiceAccount) {
  return serviceAccounts.present({ ...row, client_id: row.id });
}
