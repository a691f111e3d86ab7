import { z } from 'zod';
import { serviceAccounts } from '../../../entities/serviceaccounts.ts';
import type { ServiceAccount } from '../../../store/machines/serviceaccounts.ts';
import { type Route, route } from '../../route.ts';
import { id, listOf, secret, time, withheld } from '../answers.ts';
import { iso, presentPage, readPage } from '../present.ts';
import { flag, page } from '../schemas.ts';

const clientSecret = z
  .strictObject({
    id: id('secret'),
    client_id: id('service_account'),
    client_secret: secret('The secret of the OAuth client'),
    expires_at: time,
    withheld,
  })
  .meta({ id: 'ClientSecret' });

export const serviceAccountRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/service-accounts',
    summary: 'Create a service account in a group',
    action: 'service_account.create',
    body: serviceAccounts.create,
    response: serviceAccounts.answer,
    handle: async ({ api, call, body }) =>
      presentServiceAccount(await api.pipeline.perform(api.actions.serviceAccounts.create, call, body)),
  }),
  route({
    method: 'GET',
    path: '/service-accounts',
    summary: 'The service accounts of the groups that you see',
    action: 'service_account.list',
    query: page,
    response: listOf(serviceAccounts.answer),
    handle: async ({ api, call, query }) =>
      presentPage(
        await api.pipeline.perform(api.actions.serviceAccounts.list, call, { page: readPage(query) }),
        query.limit,
        presentServiceAccount,
      ),
  }),
  route({
    method: 'GET',
    path: '/service-accounts/:id',
    summary: 'One service account, by id or path',
    action: 'service_account.get',
    response: serviceAccounts.answer,
    handle: async ({ api, call, params }) =>
      presentServiceAccount(await api.pipeline.perform(api.actions.serviceAccounts.get, call, { ref: params.id! })),
  }),
  route({
    method: 'PATCH',
    path: '/service-accounts/:id',
    summary: 'Change or deactivate a service account, register its public keys',
    action: 'service_account.update',
    body: serviceAccounts.change,
    response: serviceAccounts.answer,
    handle: async ({ api, call, params, body }) =>
      presentServiceAccount(
        await api.pipeline.perform(api.actions.serviceAccounts.update, call, { ref: params.id!, ...body }),
      ),
  }),
  route({
    method: 'DELETE',
    path: '/service-accounts/:id',
    summary:
      'Delete a service account with its secrets and trust rules; refused with its roles, grants and running jobs, unless forced',
    action: 'service_account.delete',
    query: z.strictObject({ force: flag }),
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
    action: 'service_account_secret.create',
    response: clientSecret,
    async handle({ api, call, params }) {
      const secret = await api.pipeline.perform(api.actions.serviceAccounts.createSecret, call, { ref: params.id! });
      return { ...secret, expires_at: iso(secret.expires_at) };
    },
  }),
  route({
    method: 'DELETE',
    path: '/service-accounts/:id/secrets/:secret',
    summary: 'Delete a client secret',
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
