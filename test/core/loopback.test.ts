import { expect, test } from '@jest/globals';
import { findIssuerFault } from '../../src/core/issuerurl.ts';
import { developmentHosts, isLoopbackHost } from '../../src/core/loopback.ts';
import { issuerHostPath } from '../../src/providers/aws/names.ts';
import { isIssuerUrl } from '../../src/sandbox/issuer.ts';

const loopback = ['http://localhost:8080', 'http://127.0.0.1:8080', 'http://127.0.0.2:8080', 'http://[::1]:8080'];
const others = [
  'http://127.evil.example',
  'http://127.0.0.1.evil.example',
  'http://10.0.0.1',
  'http://[::ffff:7f00:1]',
];

test('Arsia, AWS trust policies and the sandbox accept http on the same loopback hosts', () => {
  for (const issuer of loopback)
    expect([issuer, findIssuerFault(issuer), issuerHostPath(issuer), isIssuerUrl(issuer)]).toEqual([
      issuer,
      undefined,
      issuer.slice('http://'.length),
      true,
    ]);
  for (const issuer of others)
    expect([issuer, findIssuerFault(issuer), issuerHostPath(issuer), isIssuerUrl(issuer)]).toEqual([
      issuer,
      'must be https (http on loopback only)',
      undefined,
      false,
    ]);
});

test('a user name that looks like a loopback host makes no loopback issuer at AWS', () => {
  expect(issuerHostPath('http://127.0.0.1:8080@evil.example/')).toBeUndefined();
  expect(issuerHostPath('http://name@127.0.0.1/')).toBeUndefined();
});

test('the hosts of issuers in development are loopback hosts', () => {
  expect(Object.keys(developmentHosts).filter((host) => !isLoopbackHost(host))).toEqual([]);
});
