import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type Condition,
  decideTrust,
  findTrustFaults,
  findTrustWarnings,
  sanitizeText,
  type TrustRule,
} from '../../src/core/outsidetrust.ts';

const github = 'https://token.actions.githubusercontent.com';
const audience = 'https://arsia.example';

function rule(conditions: Condition[], more: Partial<TrustRule> = {}): TrustRule {
  return { id: 'trust_1', issuer: github, audience, conditions, single_use: false, maximum_lifetime: 86_400, ...more };
}

/** As GitHub makes them. */
const action = {
  iss: github,
  aud: audience,
  sub: 'repo:acme@4711/app@815:ref:refs/heads/main',
  iat: 1_790_000_000,
  exp: 1_790_000_600,
  repository: 'acme/app',
  repository_id: '815',
  ref: 'refs/heads/main',
  ref_protected: 'true',
  runner_attempts: 1,
};

/** As a cluster makes them. */
const pod = {
  iss: 'https://cluster.example',
  aud: [audience],
  iat: 1_790_000_000,
  exp: 1_790_086_400,
  sub: 'system:serviceaccount:ci:runner',
  'kubernetes.io': { namespace: 'ci', serviceaccount: { name: 'runner', uid: 'f1' }, pod: { name: 'runner-1' } },
};

const decide = (conditions: Condition[], claims: Record<string, unknown> = action) =>
  decideTrust([rule(conditions, { issuer: String(claims.iss) })], claims);
const holds = (conditions: Condition[], claims: Record<string, unknown> = action) =>
  'rule' in decide(conditions, claims);

describe('conditions', () => {
  test('must all hold, exactly or by an anchored pattern', () => {
    const repository = { claim: 'repository', equals: 'acme/app' };
    expect(holds([repository, { claim: 'ref', matches: 'refs/heads/*' }])).toBe(true);
    expect(holds([repository, { claim: 'ref', equals: 'refs/heads/*' }])).toBe(false);
    expect(holds([repository, { claim: 'ref', matches: 'heads/*' }])).toBe(false);
    expect(holds([repository, { claim: 'ref', matches: 'refs/heads' }])).toBe(false);
    expect(holds([repository, { claim: 'ref', matches: 'refs/*/main' }])).toBe(true);
    expect(holds([{ claim: 'repository', equals: 'ACME/app' }])).toBe(false);
  });

  test('reach into nested claims by a JSON pointer only', () => {
    expect(holds([{ claim: '/kubernetes.io/namespace', equals: 'ci' }], pod)).toBe(true);
    expect(holds([{ claim: '/kubernetes.io/serviceaccount/name', equals: 'runner' }], pod)).toBe(true);
    expect(holds([{ claim: '/sub', equals: pod.sub }], pod)).toBe(true);
    for (const claim of ['kubernetes.io.namespace', '/kubernetes/io/namespace', '/kubernetes.io', 'namespace'])
      expect(holds([{ claim, matches: '*c*' }], pod)).toBe(false);
  });

  test('never take a flat claim for a nested one, or the reverse', () => {
    const flat = { ...pod, 'kubernetes.io': {}, 'kubernetes.io.namespace': 'ci', '/kubernetes.io/namespace': 'ci' };
    expect(holds([{ claim: '/kubernetes.io/namespace', equals: 'ci' }], flat)).toBe(false);
    const nested = { ...action, repository: undefined, act: { repository: 'acme/app' } };
    expect(holds([{ claim: 'repository', equals: 'acme/app' }], nested)).toBe(false);
  });

  test('reach the nested claims of outbound tokens of AWS', () => {
    const outbound = {
      iss: 'https://abc123-def456-ghi789-jkl012.tokens.sts.global.api.aws',
      aud: audience,
      sub: 'arn:aws:iam::123456789012:role/DataProcessingRole',
      iat: 1_700_000_000,
      exp: 1_700_000_900,
      'https://sts.amazonaws.com/': { aws_account: '123456789012', principal_tags: { team: 'data' } },
    };
    expect(holds([{ claim: '/https:~1~1sts.amazonaws.com~1/aws_account', equals: '123456789012' }], outbound)).toBe(
      true,
    );
    expect(holds([{ claim: '/https:~1~1sts.amazonaws.com~1/principal_tags/team', equals: 'data' }], outbound)).toBe(
      true,
    );
  });

  test('read ~1 and ~0 in a pointer as / and ~ (RFC 6901)', () => {
    const claims = { ...pod, 'https://a.example/b': { 'c~1': 'x' } };
    expect(holds([{ claim: '/https:~1~1a.example~1b/c~01', equals: 'x' }], claims)).toBe(true);
    expect(holds([{ claim: 'https://a.example/b', equals: 'x' }], { ...pod, 'https://a.example/b': 'x' })).toBe(true);
  });

  test('reach elements of an array by their index in a pointer (RFC 6901 section 4)', () => {
    const claims = {
      ...pod,
      groups: ['a', 'b'],
      user_identities: [{ provider: 'saml', extern_uid: 'ada' }],
      x: { 0: 'o' },
    };
    expect(holds([{ claim: '/user_identities/0/provider', equals: 'saml' }], claims)).toBe(true);
    expect(holds([{ claim: '/groups/0', equals: 'a' }], claims)).toBe(true);
    expect(holds([{ claim: '/groups/1', equals: 'b' }], claims)).toBe(true);
    expect(holds([{ claim: '/groups', equals: 'b' }], claims)).toBe(true);
    expect(holds([{ claim: '/x/0', equals: 'o' }], claims)).toBe(true);
    for (const claim of [
      '/groups/2',
      '/groups/-',
      '/groups/00',
      '/groups/01',
      '/groups/-1',
      '/groups/1e0',
      '/groups/+1',
    ])
      expect(holds([{ claim, matches: '*' }], claims)).toBe(false);
    for (const claim of ['/groups/length', '/groups/0/length', '/groups/concat', 'groups/0', '0'])
      expect(holds([{ claim, matches: '*' }], claims)).toBe(false);
    expect(holds([{ claim: '/groups/0', equals: 'b' }], claims)).toBe(false);
  });

  test('never read inherited members of an object as claims', () => {
    for (const claim of ['constructor', '/constructor/name', 'toString', '/__proto__/x', '/sub/length'])
      expect(holds([{ claim, matches: '*' }])).toBe(false);
  });

  test('compare numbers and booleans by their JSON text, and one element of an array', () => {
    expect(holds([{ claim: 'runner_attempts', equals: '1' }])).toBe(true);
    expect(holds([{ claim: 'x', equals: 'true' }], { ...action, x: true })).toBe(true);
    expect(holds([{ claim: 'x', equals: 'b' }], { ...action, x: ['a', 'b'] })).toBe(true);
    for (const x of [null, {}, [], [['b']], [{}], 0.5, 1e300, undefined])
      expect(holds([{ claim: 'x', matches: '*' }], { ...action, x })).toBe(false);
  });
});

describe('a denial', () => {
  const conditions = [
    { claim: 'repository', equals: 'acme/app' },
    { claim: 'ref', matches: 'refs/heads/*' },
  ];

  test.each([
    ['repository', { repository: 'evil/app' }, '"acme/app"', '"evil/app"'],
    ['repository', { repository: undefined }, '"acme/app"', 'no such claim'],
    ['ref', { ref: 'refs/tags/v1' }, '"refs/heads/*" (a pattern)', '"refs/tags/v1"'],
    ['ref', { ref: { a: 1 } }, '"refs/heads/*" (a pattern)', '{"a":1}'],
    ['aud', { aud: 'sts.amazonaws.com' }, `"${audience}"`, '"sts.amazonaws.com"'],
    ['iss', { iss: `${github}/` }, `"${github}"`, `"${github}/"`],
  ])('names the claim %s, the expected and the actual value', (claim, change, expected, actual) => {
    const decision = decideTrust([rule(conditions)], { ...action, ...change });
    expect(decision).toEqual({ denial: { rule_id: 'trust_1', claim, expected, actual } });
  });

  test('N77 names exp where the life of the token exceeds that of the rule', () => {
    const { iat } = action;
    const long = { ...action, exp: iat + 172_800 };
    expect(decideTrust([rule(conditions)], long)).toEqual({
      denial: {
        rule_id: 'trust_1',
        claim: 'exp',
        expected: 'at most 86400 s after iat (`maximum_lifetime` of the rule)',
        actual: '172800 s after iat',
      },
    });
    for (const [exp, denied] of [
      [iat + 172_800, undefined],
      [iat + 172_801, 'exp'],
    ] as const) {
      const decision = decideTrust([rule(conditions, { maximum_lifetime: 172_800 })], { ...action, exp });
      expect('denial' in decision ? decision.denial.claim : undefined).toBe(denied);
    }
    // A claim that says whose the token is comes first.
    expect(decideTrust([rule(conditions)], { ...long, repository: 'evil/app' })).toMatchObject({
      denial: { claim: 'repository' },
    });
  });

  test('is that of the rule with the most conditions that hold', () => {
    const rules = [
      rule([{ claim: 'repository', equals: 'acme/other' }], { id: 'trust_1' }),
      rule(
        [
          { claim: 'repository', equals: 'acme/app' },
          { claim: 'ref', equals: 'x' },
        ],
        { id: 'trust_2' },
      ),
      rule([{ claim: 'repository', equals: 'acme/third' }], { id: 'trust_3' }),
    ];
    expect(decideTrust(rules, action)).toEqual({
      denial: expect.objectContaining({ rule_id: 'trust_2', claim: 'ref' }),
    });
    expect(decideTrust([...rules, rule([])], action)).toEqual({ rule: rule([]) });
  });

  test.each([
    ['missing', undefined],
    ['another', 'https://other.example'],
    ['ours and another', [audience, 'https://other.example']],
    ['ours twice', [audience, audience]],
    ['in another case', audience.toUpperCase()],
    ['with a slash', `${audience}/`],
    ['nested', [[audience]]],
    ['empty', []],
  ])('N9 an audience that is %s is refused', (_name, aud) => {
    const decision = decide([{ claim: 'repository', equals: 'acme/app' }], { ...action, aud });
    expect(decision).toEqual({ denial: expect.objectContaining({ claim: 'aud' }) });
  });

  test('shows values without control characters and of bounded length', () => {
    expect(sanitizeText('a\nb\u0000c\u202ed\ud800')).toBe('a?b?c?d?');
    expect(sanitizeText('x'.repeat(10_000))).toHaveLength(203);
    expect(sanitizeText(`${'x'.repeat(199)}\u{1F600}`).isWellFormed()).toBe(true);
  });

  test('is a decision for any claims, never an exception', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.string(), (claims, claim) => {
        const decision = decideTrust([rule([{ claim, equals: 'never\u0001' }])], {
          ...claims,
          iss: github,
          aud: audience,
        });
        expect('denial' in decision).toBe(true);
      }),
    );
  });
});

describe('the faults of a trust rule', () => {
  const surroundings = { own: [audience, `${audience}/oauth2`], allowed: null, allowLoopback: false };
  const faults = (terms: Partial<TrustRule>, more = {}) =>
    findTrustFaults(
      { ...rule([{ claim: 'sub', equals: 'x' }], { issuer: 'https://id.example', ...terms }) },
      { ...surroundings, ...more },
    );
  const places = (terms: Partial<TrustRule>, more = {}) => faults(terms, more).map(({ pointer }) => pointer);

  test('are none for a sound rule', () => {
    expect(faults({})).toEqual([]);
    expect(faults({ conditions: [{ claim: '/kubernetes.io/namespace', equals: 'ci' }] })).toEqual([]);
  });

  test('N30 name the issuer in one constant text, whatever is wrong with it', () => {
    const texts = [
      'https://127.0.0.1',
      'http://good.example',
      'https://a.example?x',
      'nonsense',
      'https://intranet',
    ].map((issuer) => faults({ issuer }));
    expect(new Set(texts.map((one) => JSON.stringify(one))).size).toBe(1);
    expect(texts[0]).toEqual([{ pointer: '/issuer', detail: expect.stringContaining('https URL of a public host') }]);
  });

  test('N19 include Arsia as the issuer, in any spelling', () => {
    const spellings = ['https://ARSIA.example', 'https://arsia.example:443', 'https://arsia.example/'];
    for (const issuer of [...surroundings.own, ...spellings]) expect(places({ issuer })).toEqual(['/issuer']);
  });

  test('include an issuer that the organisation does not allow', () => {
    expect(places({}, { allowed: ['https://other.example'] })).toEqual(['/issuer']);
    expect(places({}, { allowed: [] })).toEqual(['/issuer']);
    expect(places({}, { allowed: ['https://id.example'] })).toEqual([]);
  });

  test.each([
    'sts.amazonaws.com',
    'api://AzureADTokenExchange',
    'https://kubernetes.default.svc',
    'aws.workload.identity',
  ])('include an audience of another service: %s', (foreign) => {
    expect(places({ audience: foreign })).toEqual(['/audience']);
  });

  test('include conditions without effect', () => {
    const conditions = [
      { claim: 'iss', equals: 'x' },
      { claim: 'aud', equals: 'x' },
      { claim: '/', equals: 'x' },
      { claim: '/a//b', equals: 'x' },
      { claim: '/a~2', equals: 'x' },
      { claim: '/a/b/c/d/e/f/g/h/i', equals: 'x' },
      { claim: 'kubernetes.io.namespace', equals: 'x' },
      { claim: 'sub', matches: '**' },
    ];
    expect(places({ conditions })).toEqual([
      ...[0, 1, 2, 3, 4, 5, 6].map((index) => `/conditions/${index}/claim`),
      '/conditions/7/matches',
    ]);
  });

  test.each([
    [github, { claim: 'repository', equals: 'acme/app' }, true],
    [github, { claim: 'repository', matches: 'acme/*' }, true],
    [github, { claim: 'repository', matches: 'acme*' }, false],
    [github, { claim: 'repository', matches: '*/app' }, false],
    [github, { claim: 'repository_owner', equals: 'acme' }, true],
    [github, { claim: 'repository_owner', matches: 'acme*' }, false],
    [github, { claim: 'repository_id', equals: '815' }, true],
    [github, { claim: 'sub', matches: 'repo:acme/*' }, true],
    [github, { claim: 'sub', matches: 'repo:acme@4711/*' }, true],
    [github, { claim: 'sub', matches: 'repo:acme*' }, false],
    [github, { claim: 'sub', matches: 'repo:*' }, false],
    [github, { claim: 'sub', equals: 'repository_owner_id:4711' }, true],
    [github, { claim: 'ref', equals: 'refs/heads/main' }, false],
    [github, { claim: 'job_workflow_ref', matches: 'acme/workflows/*' }, false],
    [github, { claim: 'constructor', equals: 'x' }, false],
    ['https://gitlab.com', { claim: 'project_path', matches: 'acme/*' }, true],
    ['https://gitlab.com', { claim: 'namespace_path', equals: 'acme' }, true],
    ['https://gitlab.com', { claim: 'namespace_path', matches: 'acme*' }, false],
    ['https://gitlab.com', { claim: 'sub', matches: 'project_path:acme/*' }, true],
    ['https://app.terraform.io', { claim: 'sub', matches: 'organization:acme:project:*' }, true],
    ['https://app.terraform.io', { claim: 'terraform_run_phase', equals: 'apply' }, false],
    ['https://app.eu.terraform.io', { claim: 'sub', matches: 'organization:acme:project:*' }, true],
    ['https://app.eu.terraform.io', { claim: 'terraform_run_phase', equals: 'apply' }, false],
    ['https://api.pulumi.com/oidc/v2', { claim: 'https://pulumi.com/org', equals: 'acme' }, true],
    ['https://api.pulumi.com/oidc/v2', { claim: 'https://pulumi.com/root_env', equals: 'acme/prod' }, false],
    ['https://gitlab.acme.example', { claim: 'ref', equals: 'main' }, true],
  ])('name a shared issuer without a condition on the owner: %s %j', (issuer, condition, isSound) => {
    expect(places({ issuer, conditions: [condition as Condition] })).toEqual(isSound ? [] : ['/conditions']);
  });

  // F3: accepted before with a condition that everybody at the issuer can meet.
  test.each<[string, Record<string, string>]>([
    ['https://api.pulumi.com/oidc', { sub: 'pulumi:deploy:org:acme:project:core:*' }],
    ['https://api.pulumi.com/oidc/v2', { 'https://pulumi.com/org': 'acme' }],
    ['https://oidc.codefresh.io', { sub: 'account:64f884af9f3f6a2ac9b4b3ad:pipeline:*' }],
    ['https://proidc.upbound.io', { sub: 'mcp:acme/prod:provider:*' }],
    ['https://scalr.io', { sub: 'account:acme:environment:prod:*' }],
    ['https://oidc.vercel.com', { owner_id: 'team_7Gw5ZMBpQA8h4GF832KGp7nwbuh3' }],
    ['https://studio.datachain.ai/api', { sub: 'credentials:acme/aws' }],
    ['https://tokens.cloud.shisho.dev', { sub: 'job:acme:*' }],
    ['https://oidc-configuration.audit-log.githubusercontent.com', { sub: 'https://github.com/acme' }],
    ['https://vstoken.actions.githubusercontent.com', { sub: 'repo:acme/app:*' }],
    ['https://identity.depot.dev', { org_id: 'org_x8pq21' }],
    ['https://login.app.env0.com', { sub: 'auth0|62f0b8b9' }],
    ['https://login.app.env0.com/', { sub: 'auth0|62f0b8b9' }],
    ['https://oidc.modal.com', { workspace_id: 'ac-12345abcd' }],
    ['https://cognito-identity.amazonaws.com', { sub: 'eu-west-1:7c0e6a4e-3f0a-4a5e-9c1b-5d2f8e6b1a01' }],
    ['https://oauth2.sigstore.dev/auth', { email: 'ada@acme.example' }],
    ['https://issuer.enforce.dev', { sub: '0123456789abcdef0123456789abcdef01234567/*' }],
    ['https://appleid.apple.com', { sub: '001234.0123456789abcdef0123456789abcdef.1234' }],
    [
      'https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0',
      { sub: 'AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ' },
    ],
    ['https://accounts.google.com', { sub: '107691503500061507150' }],
    ['https://TOKEN.actions.githubusercontent.com:443', { repository: 'acme/app' }],
  ])('F3 name the shared issuer %s without a condition on the customer', (issuer, named) => {
    const own = Object.entries(named).map(
      ([claim, text]): Condition => (text.includes('*') ? { claim, matches: text } : { claim, equals: text }),
    );
    const environment = { claim: 'environment', equals: 'production' };
    expect(places({ issuer, conditions: [environment] })).toEqual(['/conditions']);
    expect(places({ issuer, conditions: [environment, ...own] })).toEqual([]);
    for (const claim of Object.keys(named))
      for (const matches of ['*x', 'a*', `${named[claim]!.slice(0, 3)}*`])
        expect(places({ issuer, conditions: [environment, { claim, matches }] })).toEqual(['/conditions']);
    expect(findTrustWarnings({ issuer })).toEqual([]);
  });

  test('allow the audience to name the customer where the issuer chooses it: Amazon Cognito', () => {
    const issuer = 'https://cognito-identity.amazonaws.com';
    const audience = 'eu-west-1:7c0e6a4e-3f0a-4a5e-9c1b-5d2f8e6b1a01';
    expect(places({ issuer, audience, conditions: [{ claim: '/amr', equals: 'authenticated' }] })).toEqual([]);
  });
});

describe('the warnings of a trust rule', () => {
  test.each([
    'https://abc123-def456-ghi789-jkl012.tokens.sts.global.api.aws',
    'https://oidc.eks.eu-central-1.amazonaws.com/id/D539D4633E53DE1B71EXAMPLE',
    'https://token.actions.githubusercontent.com/acme',
    'https://oidc.vercel.com/acme',
    'https://sts.windows.net/7c0e6a4e-3f0a-4a5e-9c1b-5d2f8e6b1a01/',
  ])('are none for an issuer of one customer: %s', (issuer) => {
    expect(findTrustWarnings({ issuer })).toEqual([]);
  });

  test.each([
    'https://ci.unknown.example',
    'https://evil.example/.tokens.sts.global.api.aws',
    'https://oidc.vercel.com/a/b',
  ])('name an issuer that Arsia does not know: %s', (issuer) => {
    expect(findTrustWarnings({ issuer })).toEqual([expect.stringContaining(`who gets tokens of ${issuer}.`)]);
  });
});
