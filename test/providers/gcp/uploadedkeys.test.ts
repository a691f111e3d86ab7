import { describe, expect, test } from '@jest/globals';
import * as gcp from '../../../src/providers/gcp/evaluate.ts';
import { iss, type Json } from '../walk.ts';
import { provider, walk } from './members.ts';

describe('N85 a provider of Google', () => {
  const key = { kty: 'RSA', use: 'sig', alg: 'RS256', kid: 'key-1', n: 'modulus', e: 'AQAB' };
  const judge = (change: Json, signing_key?: Json) =>
    gcp.evaluate(JSON.stringify({ ...provider, ...change }), walk.claims, { signing_key });
  const upload = (...keys: Json[]) => ({ oidc: { issuerUri: iss, jwksJson: JSON.stringify({ keys }) } });

  test('denies every token when it is disabled or deleted', () => {
    for (const [change, condition, expected] of [
      [{ state: 'DELETED', expireTime: '2026-12-20T00:00:00Z' }, 'state', 'ACTIVE'],
      [{ disabled: true }, 'disabled', 'false'],
      [{ state: 'STATE_UNSPECIFIED' }, 'state', 'ACTIVE'],
    ] as const)
      expect(judge(change)).toMatchObject({ allow: false, condition, expected });
    expect(judge({ disabled: false, attributeCondition: '' })).toEqual({ allow: true });
  });

  test('denies the token when the uploaded keys do not have the key that signed it', () => {
    expect(judge(upload(key), key)).toEqual({ allow: true });
    expect(judge(upload({ ...key, kid: 'old', n: 'other' }, key), key)).toEqual({ allow: true });
    for (const other of [
      { ...key, kid: 'key-2' },
      { ...key, n: 'other' },
    ])
      expect(judge(upload(other), key)).toMatchObject({
        allow: false,
        condition: 'oidc.jwksJson',
        expected: 'the key key-1, which signs now',
      });
    // Google refuses other members, and keys for encryption.
    for (const change of [{ x5c: ['x'] }, { use: 'enc' }, { kty: 'oct' }, { kid: undefined }])
      expect(judge(upload({ ...key, ...change }), key)).toMatchObject({ allow: false, condition: 'oidc.jwksJson' });
  });
});
