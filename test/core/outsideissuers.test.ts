import { describe, expect, test } from '@jest/globals';
import { normalizeIssuer } from '../../src/core/issuerurl.ts';
import { formatDiscoveryUrl, isDocumentUrl, isOutsideIssuer } from '../../src/core/outsideissuers.ts';

const github = 'https://token.actions.githubusercontent.com';

describe('an outside issuer', () => {
  test.each([
    github,
    `${github}/acme-enterprise`,
    'https://gitlab.example.com',
    'https://gitlab.example.com:8443',
    'https://oidc.eks.eu-central-1.amazonaws.com/id/D539D4633E53DE1B71EXAMPLE',
    'https://tenant.eu.auth0.com/',
    'https://sts.windows.net/7c0e6a4e-3f0a-4a5e-9c1b-5d2f8e6b1a01/',
    // Spelled otherwise than the URL parser would.
    'https://STS.Contoso.com/adfs',
    'https://GOOD.example',
    'https://gitlab.example.com:443',
    'https://münchen.example',
    'https://kc.example.com/realms/My Realm',
    'https://kc.example.com/realms/My%20Realm',
    'https://auth_server.example.com',
    'HTTPS://good.example/A',
  ])('may be %s', (issuer) => {
    expect(isOutsideIssuer(issuer, false)).toBe(true);
  });

  test.each([
    ['N30', 'http://token.actions.githubusercontent.com'],
    ['N30', 'https://127.0.0.1'],
    ['N30', 'https://127.0.0.1:8443'],
    ['N30', 'https://localhost'],
    ['N30', 'https://169.254.169.254'],
    ['N30', 'https://8.8.8.8'],
    ['N30', 'https://2130706433'],
    ['N30', 'https://0x7f000001'],
    ['N30', 'https://0177.0.0.1'],
    ['N30', 'https://127.1'],
    ['N30', 'https://0'],
    ['N30', 'https://[::1]'],
    ['N30', 'https://[::ffff:127.0.0.1]'],
    ['N30', 'https://[2606:4700::1111]'],
    ['N30', 'gopher://good.example'],
    ['N30', 'file:///etc/passwd'],
    ['N30', 'https://good.example:22'],
    ['N30', 'https://user@good.example'],
    ['N30', 'https://user:word@good.example'],
    ['N30', 'https://intranet'],
    ['N30', 'https://good.example.'],
    ['N31', 'https://good.example@evil'],
    ['N31', 'https://evil.example/?https://good.example'],
    ['N31', 'https://evil.example/#https://good.example'],
    ['N30', 'https://gitlab.example.com:444'],
    ['N30', 'https://１２７.0.0.1'],
    ['N30', 'https://LOCALHOST'],
    ['N31', 'GOOD.example'],
    ['N31', 'https:good.example'],
    ['N31', 'https:///good.example'],
    ['N31', 'https://@good.example'],
    ['N31', 'https://%67ood.example'],
    ['N31', 'https://good.example /a'],
    ['N31', 'https://good.example/a\\b'],
    ['N31', 'https://good.example/a\u202eb'],
    ['N31', 'https://good.example/%2e%2E/b'],
    ['N31', 'https://good.example/..'],
    ['N31', 'https://go\tod.example'],
    ['N31', 'https://good.example//'],
    ['N31', 'https://good.example/a/../b'],
    ['N31', 'https://good.example\\@evil.example'],
    ['N31', ' https://good.example'],
    ['N31', 'https://good.example\n'],
    ['N31', ''],
    ['N31', `https://good.example/${'a'.repeat(600)}`],
  ])('%s may not be %j', (_number, issuer) => {
    expect(isOutsideIssuer(issuer, false)).toBe(false);
  });

  test('may be on loopback where that is allowed, and on no other internal address', () => {
    for (const issuer of ['http://127.0.0.1:9000', 'http://localhost:9000/a', 'http://[::1]:9000', 'https://localhost'])
      expect([issuer, isOutsideIssuer(issuer, true), isOutsideIssuer(issuer, false)]).toEqual([issuer, true, false]);
    for (const issuer of ['http://10.0.0.1', 'http://good.example', 'https://127.0.0.2', 'gopher://localhost'])
      expect([issuer, isOutsideIssuer(issuer, true)]).toEqual([issuer, false]);
  });
});

test.each([
  'https://user@keys.example/jwks',
  'https://:word@keys.example/jwks',
  'https://keys.example/jwks#x',
  'http://keys.example/jwks',
  'ftp://keys.example/jwks',
  'gopher://localhost/jwks',
  'ws://127.0.0.1/jwks',
  'https://keys.example:22/jwks',
  'https://[::ffff:7f00:1]/jwks',
  'jwks',
  '',
])('N30 no document is fetched from %j, also not in development', (url) => {
  expect([isDocumentUrl(url, false), isDocumentUrl(url, true)]).toEqual([false, false]);
});

test('the URL of a document may have a query, that of an issuer may not', () => {
  const url = 'https://login.example.com/keys?policy=a';
  expect([isDocumentUrl(url, false), isOutsideIssuer(url, false)]).toEqual([true, false]);
});

test('is fetched where the URL parser leads, and compared as it is spelled', () => {
  for (const [issuer, expected] of [
    ['https://STS.Contoso.com/adfs', 'https://sts.contoso.com/adfs'],
    ['https://gitlab.example.com:443', 'https://gitlab.example.com'],
    ['https://kc.example.com/realms/My Realm', 'https://kc.example.com/realms/My%20Realm'],
    ['https://münchen.example', 'https://xn--mnchen-3ya.example'],
    ['https://tenant.eu.auth0.com/', 'https://tenant.eu.auth0.com'],
  ] as const) {
    expect(new URL(formatDiscoveryUrl(issuer)).href).toBe(`${expected}/.well-known/openid-configuration`);
    expect(normalizeIssuer(issuer)).toBe(expected);
  }
});

test('the discovery URL has one slash after the issuer', () => {
  const expected = 'https://a.example/t/.well-known/openid-configuration';
  expect([formatDiscoveryUrl('https://a.example/t'), formatDiscoveryUrl('https://a.example/t/')]).toEqual([
    expected,
    expected,
  ]);
});
