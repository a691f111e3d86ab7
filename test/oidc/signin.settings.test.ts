import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { type ConfigError, parseConfig } from '../../src/server/config/config.ts';
import { makeHome, startArsia } from '../support/arsia.ts';
import { request } from '../support/client.ts';

const good = {
  ARSIA_SIGN_IN_ISSUER: 'https://id.example.com',
  ARSIA_SIGN_IN_CLIENT_ID: 'arsia',
  ARSIA_SIGN_IN_CLIENT_SECRET_FILE: '/run/secrets/sign-in',
};

function faultsOf(env: Record<string, string>): string[] {
  try {
    parseConfig(env);
    return [];
  } catch (error) {
    return (error as ConfigError).faults;
  }
}

describe('the settings of sign-in', () => {
  test('all three, or none', () => {
    expect(parseConfig({}).signIn).toBeUndefined();
    expect(parseConfig(good).signIn).toEqual({
      issuer: 'https://id.example.com',
      clientId: 'arsia',
      clientSecretFile: '/run/secrets/sign-in',
      scopes: 'openid email profile',
      users: 'anyone',
      teamsClaim: undefined,
    });
    for (const name of Object.keys(good)) {
      const { [name as keyof typeof good]: _, ...rest } = good;
      expect(faultsOf(rest)).toEqual([expect.stringContaining(`${name} is missing`)]);
    }
  });

  test('in multi tenancy people are invited', () => {
    expect(parseConfig({ ...good, ARSIA_TENANCY: 'multi' }).signIn!.users).toBe('invited');
    expect(parseConfig({ ...good, ARSIA_SIGN_IN_USERS: 'invited' }).signIn!.users).toBe('invited');
    expect(faultsOf({ ...good, ARSIA_TENANCY: 'multi', ARSIA_SIGN_IN_USERS: 'anyone' })).toEqual([
      expect.stringContaining('ARSIA_SIGN_IN_USERS must be invited'),
    ]);
  });

  test.each([
    [
      'a provider without https',
      { ...good, ARSIA_SIGN_IN_ISSUER: 'http://id.example.com' },
      'ARSIA_SIGN_IN_ISSUER must be https',
    ],
    [
      'a provider on loopback for a public issuer',
      { ...good, ARSIA_ISSUER: 'https://arsia.example', ARSIA_SIGN_IN_ISSUER: 'http://127.0.0.1:1' },
      'ARSIA_SIGN_IN_ISSUER must be https',
    ],
    ['a provider with a query', { ...good, ARSIA_SIGN_IN_ISSUER: 'https://id.example.com?x' }, 'no query'],
    ['scopes without openid', { ...good, ARSIA_SIGN_IN_SCOPES: 'email profile' }, 'openid among them'],
    ['somebody else', { ...good, ARSIA_SIGN_IN_USERS: 'everyone' }, 'anyone, invited'],
    ['a claim without a provider', { ARSIA_SIGN_IN_TEAMS_CLAIM: 'groups' }, 'is set without ARSIA_SIGN_IN_ISSUER'],
  ])('%s is a fault', (_name, env, fault) => {
    expect(faultsOf(env)).toEqual([expect.stringContaining(fault)]);
  });

  test('an issuer of others may end in a slash, be spelled otherwise than by the URL parser, and be on loopback where ours is', () => {
    for (const ARSIA_SIGN_IN_ISSUER of [
      'https://acme.example/',
      'https://STS.contoso.com/adfs',
      'https://id.example.com:443',
      'http://127.0.0.1:8081',
    ])
      expect(parseConfig({ ...good, ARSIA_SIGN_IN_ISSUER }).signIn!.issuer).toBe(ARSIA_SIGN_IN_ISSUER);
  });

  test('an empty secret file stops the start with the name of the setting', async () => {
    const home = await makeHome('embedded');
    const file = join(home.folder, 'empty');
    await writeFile(file, '\n');
    await expect(startArsia({ home, settings: { ...good, ARSIA_SIGN_IN_CLIENT_SECRET_FILE: file } })).rejects.toThrow(
      'ARSIA_SIGN_IN_CLIENT_SECRET_FILE',
    );
  }, 60_000);
});

test('without a provider nothing is offered to people', async () => {
  const { issuer } = await startArsia({ home: await makeHome('embedded') });
  for (const path of [
    'authorize',
    'device',
    'device_authorization',
    'callback',
    'userinfo',
    'session/end',
    'device.js',
    `interaction/${'x'.repeat(43)}`,
  ])
    for (const method of ['GET', 'POST'])
      expect([path, (await request(`${issuer}/oauth2/${path}`, { method })).status]).toEqual([path, 404]);
  const { body } = await request(`${issuer}/oauth2/.well-known/openid-configuration`);
  expect(body.response_types_supported).toEqual(['none']);
  for (const name of [
    'authorization_endpoint',
    'device_authorization_endpoint',
    'userinfo_endpoint',
    'end_session_endpoint',
  ])
    expect(body).not.toHaveProperty(name);
}, 60_000);
