import { z } from 'zod';
import { parseClientKeys } from '../../../core/clientkeys.ts';
import { type Route, route } from '../../route.ts';
import { listOf } from '../answers.ts';
import {
  iso,
  presentMayAct,
  presentMembership,
  presentPage,
  presentServiceAccount,
  presentUser,
  readPage,
} from '../present.ts';
import { description, labels, login, name, page, pattern, ref, refOrEveryone, role } from '../schemas.ts';
import { clientSecret, mayAct, membership, serviceAccount, user } from './responses.ts';

const displayName = description.max(128, 'must be at most 128 characters');
const newUser = z.strictObject({ login, display_name: displayName.default('') });
const userChange = z.strictObject({ display_name: displayName.optional(), is_active: z.boolean().optional() });

const jwks = z.unknown().transform((value, context) => {
  const { keys, faults } = parseClientKeys(value);
  for (const { pointer, detail } of faults)
    context.addIssue({ code: 'custom', message: detail, path: pointer.split('/').slice(1) });
  return { keys: keys.map((key) => ({ ...key })) };
});
const newServiceAccount = z.strictObject({
  name,
  group: ref,
  description: description.default(''),
  jwks: jwks.nullable().default(null),
});
const serviceAccountChange = z.strictObject({
  description: description.optional(),
  is_active: z.boolean().optional(),
  jwks: jwks.nullable().optional(),
});
const newMayAct = z.strictObject({
  namespace: ref,
  users: z
    .array(refOrEveryone)
    .min(1, 'must name a user or team, or `*` for everyone')
    .max(100, 'must name at most 100 users')
    .meta({ description: 'Users by id or login, teams by id; the account itself for its jobs for nobody.' }),
  stages: z.array(pattern).min(1).max(32).default(['*']),
  labels: labels.default({}),
});
const newMembership = z.strictObject({ namespace: ref, principal: ref, role });
const membershipList = page.extend({ namespace: ref });

export const principalRoutes: Route[] = [
  route({
    method: 'POST',
    path: '/users',
    summary: 'Create a user of the organisation',
    action: 'user.create',
    body: newUser,
    response: user,
    handle: async ({ api, call, body }) =>
      presentUser(await api.pipeline.perform(api.actions.users.create, call, body)),
  }),
  route({
    method: 'GET',
    path: '/users',
    summary: 'The users of the organisation; without a role in it, yourself alone',
    action: 'user.list',
    query: page,
    response: listOf(user),
    handle: async ({ api, call, query }) =>
      presentPage(
        await api.pipeline.perform(api.actions.users.list, call, { page: readPage(query) }),
        query.limit,
        presentUser,
      ),
  }),
  route({
    method: 'GET',
    path: '/users/:id',
    summary: 'One user, by id or login',
    action: 'user.get',
    response: user,
    handle: async ({ api, call, params }) =>
      presentUser(await api.pipeline.perform(api.actions.users.get, call, { ref: params.id! })),
  }),
  route({
    method: 'PATCH',
    path: '/users/:id',
    summary: 'Change or deactivate a user; deactivating stops issuing at once',
    action: 'user.update',
    body: userChange,
    response: user,
    handle: async ({ api, call, params, body }) =>
      presentUser(await api.pipeline.perform(api.actions.users.update, call, { ref: params.id!, ...body })),
  }),
  route({
    method: 'POST',
    path: '/me/leave',
    summary: 'Leave your organisation: your user there ends with its roles, sessions and tokens',
    action: 'user.leave',
    status: 204,
    body: z.strictObject({ organization: ref }),
    handle: ({ api, call, body }) => api.pipeline.perform(api.actions.users.leave, call, body),
  }),
  route({
    method: 'POST',
    path: '/service-accounts',
    summary: 'Create a service account in a group',
    action: 'service_account.create',
    body: newServiceAccount,
    response: serviceAccount,
    handle: async ({ api, call, body }) =>
      presentServiceAccount(await api.pipeline.perform(api.actions.serviceAccounts.create, call, body)),
  }),
  route({
    method: 'GET',
    path: '/service-accounts',
    summary: 'The service accounts of the groups that you see',
    action: 'service_account.list',
    query: page,
    response: listOf(serviceAccount),
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
    response: serviceAccount,
    handle: async ({ api, call, params }) =>
      presentServiceAccount(await api.pipeline.perform(api.actions.serviceAccounts.get, call, { ref: params.id! })),
  }),
  route({
    method: 'PATCH',
    path: '/service-accounts/:id',
    summary: 'Change or deactivate a service account, register its public keys',
    action: 'service_account.update',
    body: serviceAccountChange,
    response: serviceAccount,
    handle: async ({ api, call, params, body }) =>
      presentServiceAccount(
        await api.pipeline.perform(api.actions.serviceAccounts.update, call, { ref: params.id!, ...body }),
      ),
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
  route({
    method: 'POST',
    path: '/service-accounts/:id/may-act',
    summary: 'Let a service account start jobs for users on a group or workspace',
    action: 'may_act.create',
    body: newMayAct,
    response: mayAct,
    handle: async ({ api, call, params, body }) =>
      presentMayAct(
        await api.pipeline.perform(api.actions.serviceAccounts.createMayAct, call, { ref: params.id!, ...body }),
      ),
  }),
  route({
    method: 'GET',
    path: '/service-accounts/:id/may-act',
    summary: 'The rights of a service account to act for users',
    action: 'may_act.list',
    query: page,
    response: listOf(mayAct),
    handle: async ({ api, call, params, query }) =>
      presentPage(
        await api.pipeline.perform(api.actions.serviceAccounts.listMayAct, call, {
          ref: params.id!,
          page: readPage(query),
        }),
        query.limit,
        presentMayAct,
      ),
  }),
  route({
    method: 'DELETE',
    path: '/service-accounts/:id/may-act/:right',
    summary: 'Take a right to act away, with the next request of its jobs',
    action: 'may_act.delete',
    handle: ({ api, call, params }) =>
      api.pipeline.perform(api.actions.serviceAccounts.removeMayAct, call, { ref: params.id!, id: params.right! }),
  }),
  route({
    method: 'POST',
    path: '/memberships',
    summary: 'Give a user or service account a role on a group or workspace',
    action: 'membership.create',
    body: newMembership,
    response: membership,
    handle: async ({ api, call, body }) =>
      presentMembership(await api.pipeline.perform(api.actions.memberships.create, call, body)),
  }),
  route({
    method: 'GET',
    path: '/memberships',
    summary: 'The members of a group or workspace',
    action: 'membership.list',
    query: membershipList,
    response: listOf(membership),
    handle: async ({ api, call, query }) =>
      presentPage(
        await api.pipeline.perform(api.actions.memberships.list, call, {
          namespace: query.namespace,
          page: readPage(query),
        }),
        query.limit,
        presentMembership,
      ),
  }),
  route({
    method: 'PATCH',
    path: '/memberships/:id',
    summary: 'Change a role',
    action: 'membership.update',
    body: z.strictObject({ role }),
    response: membership,
    handle: async ({ api, call, params, body }) =>
      presentMembership(await api.pipeline.perform(api.actions.memberships.update, call, { id: params.id!, ...body })),
  }),
  route({
    method: 'DELETE',
    path: '/memberships/:id',
    summary: 'Remove a member; jobs that run for them are refused from the next request on',
    action: 'membership.delete',
    handle: ({ api, call, params }) => api.pipeline.perform(api.actions.memberships.remove, call, { id: params.id! }),
  }),
];
