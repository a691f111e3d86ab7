import { describe, expect, test } from '@jest/globals';
import { evaluate } from '../../../src/providers/azure/evaluate.ts';
import { azure } from '../../../src/providers/azure/index.ts';
import { settings as schema } from '../../../src/providers/azure/settings.ts';
import { trustFacts } from '../samples.ts';

/** Cases written by hand from cloud-facts.md 2.1. */
const token = { iss: 'https://issuer.example.com/path', sub: 'mi_1:ws_1', aud: 'api://AzureADTokenExchange' };
const credential = { name: 'n', issuer: token.iss, subject: token.sub, audiences: [token.aud] };
const judge = (more: object, claims: object = {}) =>
  evaluate(JSON.stringify({ ...credential, ...more }), { ...token, ...claims });

describe('a federated identity credential', () => {
  const cases: [string, object, object, true | 'issuer' | 'subject' | 'audience'][] = [
    ['equal', {}, {}, true],
    ['the issuer with a slash', { issuer: `${token.iss}/` }, {}, 'issuer'],
    ['the issuer in another case', { issuer: token.iss.toUpperCase() }, {}, 'issuer'],
    ['the issuer with a space', { issuer: `${token.iss} ` }, {}, 'issuer'],
    ['the subject in another case', { subject: 'MI_1:WS_1' }, {}, 'subject'],
    ['a wildcard is a character', { subject: 'mi_1:*' }, {}, 'subject'],
    ['a subject in part', { subject: 'mi_1' }, {}, 'subject'],
    ['another cloud`s audience', { audiences: ['api://AzureADTokenExchangeUSGov'] }, {}, 'audience'],
    ['several audiences in the token', {}, { aud: [token.aud, 'x'] }, 'audience'],
    ['no subject in the token', {}, { sub: undefined }, 'subject'],
    ['all three differ: the issuer comes first', { issuer: 'a', subject: 'b', audiences: ['c'] }, {}, 'issuer'],
  ];
  test.each(cases)('%s', (_name, more, claims, outcome) => {
    const verdict = judge(more, claims);
    expect(verdict.allow ? true : verdict.condition).toBe(outcome);
  });

  test('the verdict has the expected and the actual value', () => {
    expect(judge({}, { sub: 'mi_2' })).toEqual({
      allow: false,
      condition: 'subject',
      expected: 'mi_1:ws_1',
      actual: 'mi_2',
    });
  });

  test('is accepted in the forms of Graph, ARM and the command line', () => {
    const arm = {
      id: '/x',
      name: 'n',
      type: 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials',
      properties: credential,
    };
    expect(evaluate(JSON.stringify(arm), token)).toEqual({ allow: true });
    expect(judge({ id: 'x', '@odata.context': 'y', description: null })).toEqual({ allow: true });
  });

  test.each([
    [{ audiences: [] }],
    [{ audiences: ['a', 'b'] }],
    [{ audiences: 'a' }],
    [{ issuer: undefined }],
    [{ subject: '' }],
  ])('is refused when malformed: %j', (more) => {
    expect(() => judge(more)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  test('with an expression is not supported yet', () => {
    const expression = { subject: undefined, claimsMatchingExpression: { value: 'x', languageVersion: 1 } };
    expect(() => judge(expression)).toThrow(
      expect.objectContaining({ code: 'not_supported', message: expect.stringContaining('claimsMatchingExpression') }),
    );
  });
});

describe('the trust for Azure', () => {
  const settings = schema.parse({
    tenant_id: '72f988bf-86f1-41af-91ab-2d7cd011db47',
    client_id: '11111111-2222-4333-8444-555555555555',
  });
  const { trust } = azure.federated!;

  test('has exactly this text', () => {
    const facts = trustFacts('workspace');
    const { documents } = trust(settings, facts);
    expect(JSON.parse(documents[0]!.text)).toEqual({
      name: `arsia-${facts.identity_id}-${facts.workspace!.id}`,
      issuer: facts.issuer,
      subject: facts.subject,
      audiences: ['api://AzureADTokenExchange'],
      description: 'Arsia: managed identity acme/research/deploy, workspace acme/research/sim, user alice@acme',
    });
    expect(documents[1]!.fields?.map(({ label }) => label)).toEqual([
      'Federated credential scenario',
      'Issuer',
      'Type',
      'Value',
      'Name',
      'Description',
      'Audience',
    ]);
  });

  test('is within the limits of Entra with the longest subject', () => {
    const { documents } = trust(settings, trustFacts('workspace_user', { identity: 'x'.repeat(2000) }));
    const { name, description } = JSON.parse(documents[0]!.text);
    expect(name).toMatch(/^[A-Za-z0-9][\w-]{2,119}$/);
    expect(description.length).toBeLessThanOrEqual(600);
  });

  test('has the audience of the cloud', () => {
    const audienceOf = (cloud: string) =>
      trust(schema.parse({ ...settings, cloud, scope: 'https://x/.default' }), trustFacts()).audience;
    expect(['public', 'usgov', 'china', 'usnat', 'ussec'].map(audienceOf)).toEqual([
      'api://AzureADTokenExchange',
      'api://AzureADTokenExchangeUSGov',
      'api://AzureADTokenExchangeChina',
      'api://AzureADTokenExchangeUSNat',
      'api://AzureADTokenExchangeUSSec',
    ]);
  });
});
