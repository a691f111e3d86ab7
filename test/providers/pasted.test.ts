import { describe, expect, test } from '@jest/globals';
import { awsRolesClaim } from '../../src/core/claims.ts';
import type { Federated, Provider, TrustDocument } from '../../src/providers/provider.ts';
import { providers } from '../../src/providers/registry.ts';
import { claimsFor, sampleSettings, trustFacts } from './samples.ts';

/** Documents as Arsia generates them and as the clouds' own tools print them, pasted into `evaluate`. */

/** Data about the subject, unlike what an account needs once: AWS's identity provider decides about no subject. */
const isJudged = ({ form, name }: TrustDocument) =>
  ['json', 'yaml'].includes(form) && !name.startsWith('oidc-provider');

function kind(type: string): { provider: Provider; federated: Federated } {
  const provider = providers.find((one) => one.type === type)!;
  return { provider, federated: provider.federated! };
}

const settingsOf: Record<string, object[]> = {
  gcp: [{}, { service_account: undefined }],
  aws: [{}, { role_arn: 'arn:aws:iam::research:role/S3Access' }],
};

describe.each(providers.map((provider) => [provider.type, provider] as const))('the kind %s', (type, provider) => {
  const { federated } = kind(type);

  test('takes back every generated document that is data, and refuses forms, commands and configurations', () => {
    for (const more of settingsOf[type] ?? [{}])
      for (const scope of ['identity', 'workspace', 'user', 'workspace_user'] as const)
        for (const user of type === 'azure' ? [undefined] : [undefined, null]) {
          const settings = sampleSettings(provider, more as Record<string, unknown>);
          const facts = trustFacts(scope, { user });
          const claims = { ...claimsFor(provider, settings, facts) };
          for (const document of federated.trust(settings, facts).documents) {
            const { name, text } = document;
            if (isJudged(document)) expect([name, federated.evaluate(text, claims)]).toEqual([name, { allow: true }]);
            else
              expect(() => federated.evaluate(text, claims)).toThrow(
                expect.objectContaining({ code: expect.stringMatching(/^(?:invalid_request|not_supported)$/) }),
              );
          }
        }
  });

  test('refuses each of them for the token of another subject', () => {
    const settings = sampleSettings(provider);
    const facts = trustFacts();
    const claims = { ...claimsFor(provider, settings, facts), sub: 'mi_x:ws_x', identity_id: 'mi_x' };
    for (const document of federated.trust(settings, facts).documents)
      if (isJudged(document)) expect(federated.evaluate(document.text, claims).allow).toBe(false);
  });
});

/** The first generated document of a kind, as an object, with the claims that it takes. */
function generated(type: string) {
  const { provider, federated } = kind(type);
  const settings = sampleSettings(provider);
  const facts = trustFacts();
  const claims = { ...claimsFor(provider, settings, facts) };
  const document = JSON.parse(federated.trust(settings, facts).documents[0]!.text);
  const judge = (pasted: unknown, more: object = {}) =>
    federated.evaluate(typeof pasted === 'string' ? pasted : JSON.stringify(pasted), { ...claims, ...more });
  return { document, claims, judge };
}

describe('Azure`s tools', () => {
  const { document, judge } = generated('azure');
  const { name, issuer, subject, audiences } = document;
  const id =
    '/subscriptions/x/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i/federatedIdentityCredentials/n';
  const type = 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials';
  const flattened = { audiences, id, issuer, name, resourceGroup: 'g', subject, systemData: null, type };
  const graph = {
    '@odata.context': 'https://graph.microsoft.com/v1.0/$metadata#applications',
    '@odata.type': '#microsoft.graph.federatedIdentityCredential',
    '@microsoft.graph.tips': 'Use $select',
    'audiences@odata.type': '#Collection(String)',
    ...document,
    id: 'a',
  };
  const other = { ...graph, issuer: 'https://token.actions.githubusercontent.com', subject: 'repo:a/b' };
  const expression = { value: "claims['sub'] matches 'x*'", languageVersion: 1 };

  test.each([
    ['az identity federated-credential show', flattened],
    ['az identity federated-credential list', [{ ...flattened, issuer: 'https://x.example.com' }, flattened]],
    ['az ad app federated-credential show', graph],
    ['az ad app federated-credential list', [other, graph]],
    ['the page of Graph', { '@odata.context': 'x', value: [other, graph] }],
    ['the page of ARM', { value: [{ id, name, type, properties: { issuer, subject, audiences } }], nextLink: null }],
    [
      'a list with an expression for another issuer',
      [{ ...other, subject: null, claimsMatchingExpression: expression }, graph],
    ],
  ])('%s', (_what, pasted) => {
    expect(judge(pasted)).toEqual({ allow: true });
    expect(judge(pasted, { sub: 'x' })).toMatchObject({ allow: false, condition: 'subject', expected: subject });
  });

  test('a page that is not the last denies nobody', () => {
    const page = { value: [other], '@odata.nextLink': 'https://graph.microsoft.com/next' };
    expect(() => judge(page)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
    expect(judge({ ...page, value: [graph] })).toEqual({ allow: true });
  });

  test('an expression for this issuer is not judged', () => {
    const pasted = [{ ...graph, subject: null, claimsMatchingExpression: expression }, other];
    expect(() => judge(pasted)).toThrow(expect.objectContaining({ code: 'not_supported' }));
  });
});

describe('AWS`s tools', () => {
  const { document, claims, judge } = generated('aws');
  const role = {
    Path: '/',
    RoleName: 'deploy',
    RoleId: 'AROAEXAMPLE',
    Arn: claims[awsRolesClaim]![0],
    CreateDate: '2026-11-29T00:00:00+00:00',
    AssumeRolePolicyDocument: document,
    Description: '',
    MaxSessionDuration: 3600,
    RoleLastUsed: {},
  };

  test.each([
    ['aws iam get-role', { Role: role }],
    ['aws iam get-role --query Role', role],
    ['the API itself', { Role: { ...role, AssumeRolePolicyDocument: encodeURIComponent(JSON.stringify(document)) } }],
    ['radosgw-admin role get', { Role: { ...role, AssumeRolePolicyDocument: JSON.stringify(document) } }],
  ])('%s', (_what, pasted) => {
    expect(judge(pasted)).toEqual({ allow: true });
    expect(judge(pasted, { sub: 'x' })).toMatchObject({ allow: false, condition: expect.stringContaining(':sub') });
  });

  test('a role that the token does not name', () => {
    const pasted = { Role: { ...role, Arn: 'arn:aws:iam::123456789012:role/other' } };
    expect(judge(pasted)).toMatchObject({ allow: false, condition: 'Role.Arn' });
  });
});

describe('YAML', () => {
  test('Kubernetes: the file of --authentication-config', () => {
    const { document, claims, judge } = generated('kubernetes');
    const [entry] = document.jwt;
    const yaml = [
      '# trust of Arsia',
      '---',
      'apiVersion: apiserver.config.k8s.io/v1beta1',
      'kind: AuthenticationConfiguration',
      'jwt:',
      '- issuer:',
      `    url: ${claims.iss}`,
      '    audiences:',
      `    - ${claims.aud}`,
      '    audienceMatchPolicy: MatchAny',
      '  claimValidationRules:',
      '  - claim: sub',
      `    requiredValue: "${entry.claimValidationRules[0].requiredValue}"`,
      '  claimMappings:',
      '    username:',
      '      claim: sub',
      "      prefix: 'arsia:'",
      '',
    ].join('\n');
    expect(judge(yaml)).toEqual({ allow: true });
    expect(judge(`\ufeff${yaml}`, { sub: 'x' })).toMatchObject({ allow: false });
  });

  test('gcloud: providers describe and service-accounts get-iam-policy', () => {
    const { document, claims, judge } = generated('gcp');
    const described = [
      `attributeCondition: ${document.attributeCondition}`,
      'attributeMapping:',
      '  google.subject: assertion.sub',
      'displayName: Arsia',
      'name: projects/123456789012/locations/global/workloadIdentityPools/arsia-pool/providers/arsia',
      'oidc:',
      '  allowedAudiences:',
      `  - ${claims.aud}`,
      `  issuerUri: ${claims.iss}`,
      'state: ACTIVE',
    ].join('\n');
    expect(judge(described)).toEqual({ allow: true });
    expect(judge(described.replace('ACTIVE', 'DELETED'))).toMatchObject({ condition: 'state' });
    const pool = claims.aud.replace('https:', '').replace(/\/providers\/.*/, '');
    const policy = (member: string) =>
      `bindings:\n- members:\n  - ${member}\n  role: roles/iam.workloadIdentityUser\netag: BwYx\nversion: 1\n`;
    expect(judge(policy(`principal:${pool}/subject/${claims.sub}`))).toEqual({ allow: true });
    expect(judge(policy(`principalSet:${pool}/attribute.identity_id/${claims.identity_id}`))).toEqual({ allow: true });
    expect(judge(policy(`principal:${pool}/subject/x`))).toMatchObject({ condition: 'bindings[].members' });
    expect(judge('etag: ACAB\n')).toMatchObject({ allow: false, condition: 'bindings[].members' });
  });

  test.each([
    ['a member twice', 'issuer: a\nissuer: b\n'],
    ['an alias', 'a: &x [1]\nb: *x\n'],
    ['two documents', 'a: 1\n---\nb: 2\n'],
    ['a word that YAML 1.1 takes for true', 'issuer: yes\naudiences: [a]\nsubject: s\n'],
    ['a tag of a program', 'issuer: !!js/function x\n'],
    ['deep nesting', `${'['.repeat(5000)}`],
    ['a text', 'just words'],
    ['a password: nothing of it is quoted', 'hunter2: [hunter2'],
  ])('%s is no document', (_what, text) => {
    const { judge } = generated('oidc');
    expect(() => judge(text)).toThrow(
      expect.objectContaining({ code: 'invalid_request', message: expect.not.stringContaining('hunter2') }),
    );
  });
});

test('Vault: what vault read -format=json prints', () => {
  const { provider, federated } = kind('oidc');
  const settings = sampleSettings(provider);
  for (const user of [undefined, null]) {
    const facts = trustFacts('user', { user });
    const claims = { ...claimsFor(provider, settings, facts) };
    const text = federated.trust(settings, facts).documents.find(({ name }) => name === 'vault-role')!.text;
    const printed = {
      request_id: 'x',
      lease_id: '',
      lease_duration: 0,
      renewable: false,
      data: {
        allowed_redirect_uris: null,
        bound_claims: null,
        bound_claims_type: 'string',
        claim_mappings: null,
        clock_skew_leeway: 0,
        expiration_leeway: 0,
        groups_claim: '',
        not_before_leeway: 0,
        token_bound_cidrs: [],
        user_claim_json_pointer: false,
        ...JSON.parse(text),
        token_ttl: 3600,
      },
      warnings: null,
    };
    expect(federated.evaluate(JSON.stringify(printed), claims)).toEqual({ allow: true });
    expect(federated.evaluate(JSON.stringify(printed), { ...claims, sub: 'mi_x' }).allow).toBe(false);
    expect(federated.evaluate(text, { ...claims, aud: 'x' })).toMatchObject({ condition: 'bound_audiences' });
  }
});
