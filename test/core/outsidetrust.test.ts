import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type Condition,
  decideTrust,
  findTrustFaults,
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

  test('read ~1 and ~0 in a pointer as / and ~ (RFC 6901)', () => {
    const claims = { ...pod, 'https://a.example/b': { 'c~1': 'x' } };
    expect(holds([{ claim: '/https:~1~1a.example~1b/c~01', equals: 'x' }], claims)).toBe(true);
    expect(holds([{ claim: 'https://a.example/b', equals: 'x' }], { ...pod, 'https://a.example/b': 'x' })).toBe(true);
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

  test('N19 include Arsia as the issuer', () => {
    for (const issuer of surroundings.own) expect(places({ issuer })).toEqual(['/issuer']);
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
});
