import { describe, expect, test } from '@jest/globals';
import { extract } from '../../../src/providers/gcp/cel.ts';
import { evaluate, mapAttributes } from '../../../src/providers/gcp/evaluate.ts';
import { gcp } from '../../../src/providers/gcp/index.ts';
import { settings as schema } from '../../../src/providers/gcp/settings.ts';
import { trustFacts } from '../samples.ts';

/** Cases written by hand from cloud-facts.md 3.1 and 3.2. */
const name = 'projects/123/locations/global/workloadIdentityPools/pool/providers/arsia';
const token = {
  iss: 'https://issuer.example.com/path',
  sub: 'mi_1:ws_1',
  aud: `https://iam.googleapis.com/${name}`,
  workspace_id: 'ws_1',
  iat: 1_790_000_000,
  groups: ['a', 'b'],
  'https://example.com/tier': 'gold',
};
const provider = {
  oidc: { issuerUri: token.iss, allowedAudiences: [token.aud] },
  attributeMapping: { 'google.subject': 'assertion.sub' } as Record<string, string>,
};
const judge = (more: object, claims: object = {}) =>
  evaluate(JSON.stringify({ ...provider, ...more }), { ...token, ...claims });
const condition = (attributeCondition: string, more: object = {}) => ({ attributeCondition, ...more });

describe('a provider of a workload identity pool', () => {
  const conditions: [string, boolean][] = [
    ["assertion.sub == 'mi_1:ws_1'", true],
    ["assertion.sub == 'MI_1:ws_1'", false],
    ["assertion.sub.startsWith('mi_1:')", true],
    ["assertion.sub.startsWith('mi_2:')", false],
    ["assertion.sub == 'mi_1:ws_1' && assertion.workspace_id == 'ws_2'", false],
    ["assertion.workspace_id in ['ws_2', 'ws_1']", true],
    ["'b' in assertion.groups", true],
    ["assertion['https://example.com/tier'] == 'gold'", true],
    ['has(assertion.user)', false],
    ["!has(assertion.user) || assertion.user == 'alice'", true],
    ["google.subject == 'mi_1:ws_1'", true],
    ["attribute.workspace == 'ws_1'", true],
    ["assertion.sub.extract('{identity}:') == 'mi_1'", true],
    ["assertion.sub.split(':')[1] == 'ws_1'", true],
    ["assertion.sub.matches('^mi_[0-9]:ws_1$')", true],
    ['assertion.iat > 1700000000', true],
    ['assertion.iat == 1790000000', true],
    ["assertion.groups.exists(g, g == 'b')", true],
    // A missing claim, or a value that is not a boolean, denies the token.
    ["assertion.user == 'alice'", false],
    ['assertion.sub', false],
    ["assertion.sub == 'x' || 1", false],
  ];
  test.each(conditions)('the condition %s', (expression, allow) => {
    const attributeMapping = { ...provider.attributeMapping, 'attribute.workspace': 'assertion.workspace_id' };
    const verdict = judge(condition(expression, { attributeMapping }));
    expect(verdict.allow).toBe(allow);
    if (!verdict.allow) expect(verdict).toMatchObject({ condition: 'attributeCondition', expected: expression });
  });

  test('the verdict has the claims of the token that the condition read', () => {
    expect(judge(condition("assertion.sub == 'x' && assertion.user == 'alice'"))).toMatchObject({
      actual: expect.stringContaining('assertion.sub is "mi_1:ws_1", assertion.user is missing'),
    });
  });

  const audiences: [string, object, unknown, boolean][] = [
    ['in the list', { allowedAudiences: ['x', 'y'] }, 'y', true],
    ['not in the list', { allowedAudiences: ['x'] }, token.aud, false],
    ['several in the token', { allowedAudiences: ['x'] }, ['x', 'y'], false],
    ['the name with https:', {}, `https://iam.googleapis.com/${name}`, true],
    ['the name without https:', { allowedAudiences: [] }, `//iam.googleapis.com/${name}`, true],
    ['the name with http:', {}, `http://iam.googleapis.com/${name}`, false],
    ['the name bare', {}, name, false],
  ];
  test.each(audiences)('audience: %s', (_name, oidc, aud, allow) => {
    const verdict = judge({ name, oidc: { issuerUri: token.iss, ...oidc } }, { aud });
    expect(verdict.allow).toBe(allow);
    if (!verdict.allow) expect(verdict.condition).toBe('oidc.allowedAudiences');
  });

  test('the issuer is compared byte for byte', () => {
    for (const iss of [`${token.iss}/`, token.iss.toUpperCase(), 'http://issuer.example.com/path'])
      expect(judge({}, { iss })).toMatchObject({ allow: false, condition: 'oidc.issuerUri' });
  });

  test('N38 an empty subject and one of more than 127 bytes are refused', () => {
    expect(judge({}, { sub: 'x'.repeat(127) })).toEqual({ allow: true });
    const verdict = { allow: false, condition: 'attributeMapping google.subject', expected: '1 to 127 bytes' };
    expect(judge({}, { sub: 'x'.repeat(128) })).toMatchObject({ ...verdict, actual: '128 bytes' });
    expect(judge({}, { sub: 'ü'.repeat(64) })).toMatchObject({ ...verdict, actual: '128 bytes' });
    expect(judge({}, { sub: '' })).toMatchObject({ ...verdict, actual: '0 bytes' });
  });

  test('attributes are mapped with CEL; an attribute without a value fails the exchange', () => {
    const mapping = {
      'google.subject': "assertion.sub + '@' + assertion.workspace_id",
      'google.groups': 'assertion.groups',
      'attribute.identity': "assertion.sub.extract('{identity}:')",
    };
    expect(mapAttributes(JSON.stringify({ ...provider, attributeMapping: mapping }), token)).toEqual({
      'google.subject': 'mi_1:ws_1@ws_1',
      'google.groups': '["a","b"]',
      'attribute.identity': 'mi_1',
    });
    const missing = { attributeMapping: { ...mapping, 'attribute.user': 'assertion.user' } };
    expect(judge(missing)).toMatchObject({ allow: false, condition: 'attributeMapping attribute.user' });
    expect(() => mapAttributes(JSON.stringify({ ...provider, ...missing }), token)).toThrow(/attribute\.user/);
    const number = { attributeMapping: { ...mapping, 'attribute.iat': 'assertion.iat' } };
    expect(judge(number)).toMatchObject({ allow: false, expected: 'a string' });
    const large = {
      attributeMapping: { ...mapping, 'attribute.big': `'${'x'.repeat(2000)}'`, 'attribute.more': 'assertion.big' },
    };
    expect(judge(large, { big: 'x'.repeat(7000) })).toMatchObject({ condition: 'attributeMapping' });
  });

  const malformed: [string, object][] = [
    ['no issuer', { oidc: {} }],
    ['no mapping of the subject', { attributeMapping: { 'attribute.x': 'assertion.sub' } }],
    ['an unknown attribute', { attributeMapping: { ...provider.attributeMapping, 'google.email': 'assertion.sub' } }],
    [
      'an attribute in capitals',
      { attributeMapping: { ...provider.attributeMapping, 'attribute.X': 'assertion.sub' } },
    ],
    [
      '51 attributes',
      {
        attributeMapping: {
          ...provider.attributeMapping,
          ...Object.fromEntries(Array.from({ length: 52 }, (_, n) => [`attribute.a${n}`, 'assertion.sub'])),
        },
      },
    ],
    ['no audience that could be known', { oidc: { issuerUri: token.iss } }],
    ['a condition that is no CEL', condition("assertion.sub = 'x'")],
    ['a condition of 4097 characters', condition(`'${'x'.repeat(4095)}' != ''`)],
    ['a condition that nests without end', condition('('.repeat(2000) + ')'.repeat(2000))],
    ['a condition that is a number', { attributeCondition: 1 }],
  ];
  test.each(malformed)('is refused when malformed: %s', (_name, more) => {
    expect(() => judge(more)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  test.each([
    ['a function', condition("inIpRange(assertion.sub, 'x')"), 'inIpRange'],
    ['a method', condition('assertion.sub.reversed()'), 'reversed'],
    [
      'a function that multiplies',
      condition(`assertion.sub${".replace('', 'aaaaaaaaaa')".repeat(150)} == ''`),
      'replace',
    ],
    ['loops within loops', condition('[1].all(a, [1].all(b, a == b))'), 'nested'],
    ['a member', { saml: {} }, 'saml'],
    ['a member of oidc', { oidc: { ...provider.oidc, audience: 'x' } }, 'oidc.audience'],
  ])('reports %s as not supported', (_name, more, text) => {
    expect(() => judge(more)).toThrow(
      expect.objectContaining({ code: 'not_supported', message: expect.stringContaining(text) }),
    );
  });

  test.each([
    ['counts', `assertion.sub.matches('${'a{0,1000}'.repeat(300)}')`, 'too large together'],
    ['counts of groups', "assertion.sub.matches('((a{10}){10}){10}')", 'too large together'],
    ['many patterns', Array(20).fill("assertion.sub.matches('a{99}')").join(' || '), 'too large together'],
    ['a pattern in a loop', "['a', 'b'].all(x, assertion.sub.matches('a{300}'))", 'too large together'],
    ['a pattern made of texts', "assertion.sub.matches('a{9' + '99}')", 'not one text'],
    ['a pattern that is a claim', 'assertion.sub.matches(assertion.sub)', 'not one text'],
    ['a loop over parts of a text', "assertion.sub.split('').all(x, x != '')", 'another list'],
    ['a loop over what was mapped', "google.groups.all(x, x != '')", 'another list'],
    ['a loop over a long list', `[${Array(21).fill('1').join()}].all(x, x == 1)`, 'another list'],
  ])('an expression that is slow to evaluate is refused at once: %s', (_what, expression, text) => {
    const started = performance.now();
    expect(() => judge(condition(expression))).toThrow(
      expect.objectContaining({ code: 'not_supported', message: expect.stringContaining(text) }),
    );
    expect(performance.now() - started).toBeLessThan(1000);
  });

  test('a pattern of three ids, and a loop over a few texts, are evaluated', () => {
    const id = '[0-7][0-9a-hjkmnp-tv-z]{25}';
    expect(judge(condition(`assertion.sub.matches('^mi_${id}:ws_${id}:usr_${id}$')`)).allow).toBe(false);
    expect(judge(condition("['mi_', 'ws_'].exists(x, assertion.sub.startsWith(x))")).allow).toBe(true);
  });

  test('a regular expression that backtracks in other engines is evaluated fast', () => {
    const claims = { sub: `${'a'.repeat(100)}!` };
    expect(judge(condition("assertion.sub.matches('^(a+)+$')"), claims).allow).toBe(false);
  });
});

test.each([
  ['a/b/c', 'a/{x}/c', 'b'],
  ['a/b/c', '{x}/', 'a'],
  ['a/b/c', 'a/{x}', 'b/c'],
  ['a/b/c', '{x}', 'a/b/c'],
  ['a/b/a/d', 'a/{x}/', 'b'],
  ['a/b/c', 'x/{x}', ''],
  ['a/b/c', 'a/{x}/x', ''],
  ['a/b/c', 'a/b', ''],
  ['a/b/c', '{x}{y}', ''],
])('extract(%j, %j) is %j', (text, template, value) => {
  expect(extract(text, template)).toBe(value);
});

describe('the trust for Google', () => {
  const settings = schema.parse({
    project_number: '123456789012',
    pool: 'arsia-pool',
    provider: 'arsia',
    service_account: 'deploy@acme.iam.gserviceaccount.com',
  });
  const { trust } = gcp.federated!;
  const pool = 'iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/arsia-pool';
  const documentOf = (facts: ReturnType<typeof trustFacts>, name: string, more: object = {}) =>
    trust({ ...settings, ...more }, facts).documents.find((one) => one.name === name)!;

  test('has exactly this text', () => {
    const facts = trustFacts('workspace');
    expect(JSON.parse(documentOf(facts, 'provider').text)).toEqual({
      displayName: 'Arsia',
      description: 'Arsia: managed identity acme/research/deploy',
      oidc: { issuerUri: facts.issuer, allowedAudiences: [`https://${pool}/providers/arsia`] },
      attributeMapping: {
        'google.subject': 'assertion.sub',
        'attribute.identity_id': 'assertion.identity_id',
        'attribute.workspace_id': 'assertion.workspace_id',
        'attribute.organization_id': 'assertion.organization_id',
      },
      attributeCondition: `assertion.sub == '${facts.subject}' && assertion.identity_id == '${facts.identity_id}'`,
    });
    expect(JSON.parse(documentOf(facts, 'service-account-policy').text)).toEqual({
      bindings: [{ role: 'roles/iam.workloadIdentityUser', members: [`principal://${pool}/subject/${facts.subject}`] }],
    });
  });

  test('allows the users of a pattern by an attribute, never the whole pool', () => {
    const memberOf = (facts: ReturnType<typeof trustFacts>) =>
      JSON.parse(documentOf(facts, 'service-account-policy').text).bindings[0].members[0];
    const user = trustFacts('user', { user: null });
    expect(memberOf(user)).toBe(`principalSet://${pool}/attribute.identity_id/${user.identity_id}`);
    const both = trustFacts('workspace_user', { user: null });
    const value = `${both.identity_id}:${both.workspace!.id}`;
    expect(memberOf(both)).toBe(`principalSet://${pool}/attribute.identity_workspace/${value}`);
    const claims = {
      iss: both.issuer,
      sub: `${value}:usr_x`,
      aud: trust(settings, both).audience,
      identity_id: both.identity_id,
      workspace_id: both.workspace!.id,
      organization_id: 'o',
    };
    expect(mapAttributes(documentOf(both, 'provider').text, claims)['attribute.identity_workspace']).toBe(value);
  });

  test('names the principal that needs roles when there is no service account', () => {
    const facts = trustFacts();
    const document = documentOf(facts, 'principal', { service_account: undefined });
    expect(document.text).toBe(`principal://${pool}/subject/${facts.subject}`);
  });
});
