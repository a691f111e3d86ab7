import { expect, jest, test } from '@jest/globals';
import { freshDatabase } from '../support/databases.ts';
import { addKeyAccount, addSecretAccount, assertionForm, createWorld, startReplica, testKeys } from './support.ts';

/** In a file of its own: oidc-provider prints each warning once per loaded module. */
test('oidc-provider prints no warning: none of its development defaults is in use', async () => {
  const said = [jest.spyOn(console, 'warn'), jest.spyOn(console, 'info'), jest.spyOn(console, 'error')];
  const { database } = await freshDatabase('embedded');
  const world = createWorld();
  const { server, post, issuer } = await startReplica({ world, database, keys: await testKeys() });
  const form = { grant_type: 'client_credentials' };
  const { id, basic } = addSecretAccount(world);
  const authorization = { authorization: basic };
  const { body } = await post('/token', form, authorization);
  const token = String(body.access_token);
  expect((await post('/introspect', { token }, authorization)).body.active).toBe(true);
  await post('/introspect', { token, client_id: 'workload' });
  await post('/token', { ...form, client_id: id, client_secret: 'wrong' }, { accept: 'text/html' });
  await post('/token', form, { ...authorization, origin: 'https://other.example' });
  await post('/revoke', { token, client_id: 'workload' });
  expect((await post('/revoke', { token }, authorization)).status).toBe(200);
  const account = await addKeyAccount(world);
  expect((await post('/token', assertionForm(await account.assert(issuer)))).status).toBe(200);
  const user = await server.issueAccessToken({ principal_id: 'usr_x', lifetime: 60 });
  expect((await post('/introspect', { token: user }, authorization)).body.active).toBe(true);
  for (const spy of said) expect(spy).not.toHaveBeenCalled();
}, 60_000);
