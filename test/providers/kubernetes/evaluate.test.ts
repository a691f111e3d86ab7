import { describe, expect, test } from '@jest/globals';
import { evaluate } from '../../../src/providers/kubernetes/evaluate.ts';

/** Cases written by hand from cloud-facts.md 4. */
const token = { iss: 'https://issuer.example.com', sub: 'mi_1:ws_1', aud: 'https://k8s.example.com', stage: 'apply' };
const entry = {
  issuer: { url: token.iss, audiences: ['x', token.aud], audienceMatchPolicy: 'MatchAny' },
  claimValidationRules: [{ claim: 'sub', requiredValue: token.sub }] as object[],
  claimMappings: { username: { claim: 'sub', prefix: 'arsia:' } } as object,
};
const documentOf = (...jwt: object[]) =>
  JSON.stringify({ apiVersion: 'apiserver.config.k8s.io/v1beta1', kind: 'AuthenticationConfiguration', jwt });
const judge = (more: object, claims: object = {}) =>
  evaluate(documentOf({ ...entry, ...more }), { ...token, ...claims });

describe('an authentication configuration', () => {
  test('allows the token of its issuer, audience and subject', () => {
    expect(judge({})).toEqual({ allow: true });
    const other = { ...entry, issuer: { url: 'https://other.example.com', audiences: ['a'] } };
    expect(evaluate(documentOf(other, entry), token)).toEqual({ allow: true });
    // The API server accepts a token when one of its audiences is in the list.
    expect(judge({}, { aud: ['y', 'x'] })).toEqual({ allow: true });
  });

  test('does not look at the entry of another issuer, which may have what evaluate does not know', () => {
    const issuer = { url: 'https://other.example.com', audiences: ['a'] };
    const others = [
      { ...entry, issuer, claimMappings: { username: { expression: 'claims.email' } } },
      { ...entry, issuer, claimValidationRules: [{ expression: 'claims.hd == "example.com"' }] },
      { ...entry, issuer, userValidationRules: [{ expression: "!user.username.startsWith('system:')" }] },
      { ...entry, issuer: { ...issuer, discoveryURL: 'https://inside.example.com/x' } },
      { ...entry, issuer: { ...issuer, egressSelectorType: 'cluster' } },
    ];
    for (const other of others) {
      expect(evaluate(documentOf(entry, other), token)).toEqual({ allow: true });
      expect(evaluate(documentOf(other, entry), { ...token, sub: 'x' })).toMatchObject({
        allow: false,
        condition: 'jwt[1].claimValidationRules[0] sub',
      });
      expect(() => evaluate(documentOf(other, entry), { ...token, iss: issuer.url })).toThrow(
        expect.objectContaining({ code: 'not_supported' }),
      );
    }
    expect(() => evaluate(documentOf(entry, { ...entry, issuer: {} }), token)).toThrow(
      expect.objectContaining({ code: 'invalid_request' }),
    );
  });

  const prefix = { claimValidationRules: [{ expression: "claims.sub.startsWith('mi_1:')", message: 'no' }] };
  test.each([
    ['another issuer', {}, { iss: 'https://issuer.example.com/' }, 'jwt[].issuer.url'],
    ['another audience', {}, { aud: 'y' }, 'jwt[0].issuer.audiences'],
    ['another subject', {}, { sub: 'mi_1:ws_2' }, 'jwt[0].claimValidationRules[0] sub'],
    ['no subject', {}, { sub: undefined }, 'jwt[0].claimValidationRules[0] sub'],
    ['another beginning', prefix, { sub: 'mi_2:ws_1' }, 'jwt[0].claimValidationRules[0] sub'],
    [
      'no user name',
      { claimMappings: { username: { claim: 'name', prefix: '' } } },
      {},
      'jwt[0].claimMappings.username.claim',
    ],
  ])('refuses %s', (_name, more, claims, condition) => {
    expect(judge(more, claims)).toMatchObject({ allow: false, condition });
  });

  test('can compare the beginning of the subject', () => {
    expect(judge(prefix)).toEqual({ allow: true });
  });

  test.each([
    ['another expression', { claimValidationRules: [{ expression: 'claims.sub != ""' }] }, 'claims.sub'],
    ['user rules', { userValidationRules: [] }, 'userValidationRules'],
    ['a user name by expression', { claimMappings: { username: { expression: 'claims.sub' } } }, 'username.expression'],
  ])('reports %s as not supported', (_name, more, text) => {
    expect(() => judge(more)).toThrow(
      expect.objectContaining({ code: 'not_supported', message: expect.stringContaining(text) }),
    );
  });

  test.each([
    ['no audiences', { issuer: { url: token.iss, audiences: [] } }],
    ['no prefix', { claimMappings: { username: { claim: 'sub' } } }],
    ['a rule without a value', { claimValidationRules: [{ claim: 'sub' }] }],
  ])('is refused when malformed: %s', (_name, more) => {
    expect(() => judge(more)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  test('is refused when it is an object of another kind', () => {
    expect(() => evaluate('{"kind":"Config"}', token)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });
});
