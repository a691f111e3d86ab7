import { describe, expect, test } from '@jest/globals';
import { kubernetes } from '../../../src/providers/kubernetes/index.ts';
import { evaluate } from '../../../src/providers/oidc/evaluate.ts';
import { oidc } from '../../../src/providers/oidc/index.ts';
import { isCloudAudience } from '../../../src/providers/registry.ts';
import { trustFacts } from '../samples.ts';

const token = { iss: 'https://issuer.example.com', sub: 'mi_1:ws_1:usr_1', aud: 'https://vault.example.com' };
const trust = { issuer: token.iss, audiences: [token.aud] };
const judge = (document: object, claims: object = {}) => evaluate(JSON.stringify(document), { ...token, ...claims });

describe('a trust document', () => {
  test('compares the whole subject, or its beginning', () => {
    expect(judge({ ...trust, subject: token.sub })).toEqual({ allow: true });
    expect(judge({ ...trust, subject: 'mi_1:ws_1:usr_*' })).toMatchObject({ condition: 'subject' });
    expect(judge({ ...trust, subject_prefix: 'mi_1:ws_1:usr_' })).toEqual({ allow: true });
    expect(judge({ ...trust, subject_prefix: 'mi_2:' })).toMatchObject({ condition: 'subject_prefix' });
    expect(judge({ ...trust, subject: token.sub }, { aud: 'x' })).toMatchObject({ condition: 'audiences' });
    expect(judge({ ...trust, subject: token.sub }, { aud: [token.aud] })).toMatchObject({ condition: 'audiences' });
  });

  test.each([
    [{ ...trust }],
    [{ ...trust, subject_prefix: '' }],
    [{ ...trust, subject: 'a', subject_prefix: 'a' }],
    [{ issuer: 'x', subject: 'a' }],
  ])('is refused when malformed: %j', (document) => {
    expect(() => judge(document)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });
});

describe('a free audience', () => {
  test.each([
    'aws',
    'AWS',
    'aws:grp_1',
    'sts.amazonaws.com',
    'https://sts.amazonaws.com',
    'sts.cn-north-1.amazonaws.com.cn',
    'api://AzureADTokenExchange',
    'api://azureadtokenexchangeUSGov',
    '//iam.googleapis.com/projects/1/x',
    'https://iam.googleapis.com/projects/1/x',
  ])('cannot be %s, the audience of a cloud', (audience) => {
    expect(isCloudAudience(audience)).toBe(true);
  });
});

describe.each([oidc, kubernetes])('a free audience ($type)', ({ settings, federated }) => {
  test.each(['', ' ', 'a b', 'x'.repeat(257), 'ä', 'a\n'])('cannot be %j', (audience) => {
    expect(settings.safeParse({ audience }).success).toBe(false);
  });

  test.each(['https://vault.example.com', 'awsome', 'kubernetes.default.svc', 'x'.repeat(256)])(
    'can be %s',
    (audience) => {
      const parsed = settings.parse({ audience });
      expect(isCloudAudience(audience)).toBe(false);
      expect(federated?.freeAudience?.(parsed)).toBe(audience);
      expect(federated?.assertion(parsed, trustFacts())).toEqual({ audience, claims: {} });
    },
  );
});

test('the Vault role binds audience and subject, a pattern as a glob', () => {
  const settings = oidc.settings.parse({ audience: token.aud });
  const roleOf = (facts: ReturnType<typeof trustFacts>) =>
    JSON.parse(oidc.federated!.trust(settings, facts).documents.find(({ name }) => name === 'vault-role')!.text);
  const facts = trustFacts();
  expect(roleOf(facts)).toMatchObject({ bound_audiences: [token.aud], bound_subject: facts.subject, role_type: 'jwt' });
  const every = trustFacts('user', { user: null });
  expect(roleOf(every)).toMatchObject({
    bound_claims_type: 'glob',
    bound_claims: { sub: `${every.identity_id}:usr_*` },
  });
  expect(roleOf(every).bound_subject).toBeUndefined();
});
