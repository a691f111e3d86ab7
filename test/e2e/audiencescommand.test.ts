import { expect, test } from '@jest/globals';
import { ended } from '../faults/commands.ts';
import { startArsia } from '../support/arsia.ts';
import { createOrganization } from '../support/organization.ts';

test('N74: `arsia server audiences free` releases an audience to other organisations, and names the reason where it cannot', async () => {
  const running = await startArsia({ settings: { ARSIA_TENANCY: 'multi' } });
  const [acme, globex] = [await createOrganization(running), await createOrganization(running, 'globex')];
  const audience = 'https://api.example.com';
  const make = ({ owner, name }: typeof acme) =>
    owner.ask('POST', '/managed-identities', {
      name: 'api',
      group: name,
      type: 'oidc',
      settings: { audience },
      delivery: 'token',
    });
  const free = (...args: string[]) =>
    ended(['server', 'audiences', 'free', ...args], running.settings, running.home.folder);
  const { id } = (await make(acme)).body;
  expect(await free(audience)).toEqual({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(
      /^arsia: The audience "\S+" is used by 1 managed identities of the organisation acme\. .+\n$/,
    ),
  });
  await acme.owner.send('DELETE', `/managed-identities/${id}?name=api`);
  expect((await make(globex)).status).toBe(409);
  expect(await free(audience, '--for', 'globex')).toEqual({
    code: 0,
    stdout: '',
    stderr: `The organisation globex may use ${audience} now.\n`,
  });
  expect((await make(globex)).status).toBe(201);
}, 60_000);
