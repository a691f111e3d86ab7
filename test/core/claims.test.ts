import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  awsRolesClaim,
  awsSourceIdentityClaim,
  awsTagsClaim,
  buildClaims,
  type ClaimName,
  claimNames,
  claimRegistry,
  isReservedTagKey,
  lintClaims,
} from '../../src/core/claims.ts';
import { findIssuerFault } from '../../src/core/issuerurl.ts';
import { subjectScopes } from '../../src/core/subject.ts';
import { badClaims } from './badclaims.ts';
import { fixedId, goodClaims, goodIds, goodIssuer, goodNow } from './goodclaims.ts';

type Claims = Record<string, unknown>;
const good = (): Claims => ({ ...goodClaims() });
const lint = (claims: Claims) => lintClaims(claims, goodIssuer);
const without = (...names: string[]): Claims =>
  Object.fromEntries(Object.entries(good()).filter(([name]) => !names.includes(name)));

/** Claims that a good token may lack: each says what no AWS identity, user or launcher would say. */
const optionalSets: ClaimName[][] = [
  [awsTagsClaim],
  [awsSourceIdentityClaim],
  [awsRolesClaim, awsTagsClaim],
  [awsRolesClaim, awsTagsClaim, awsSourceIdentityClaim],
  ['user_id', 'user'],
  ['launcher_id', 'launcher'],
];

describe('N64 the linter passes a good token', () => {
  test.each(subjectScopes)('of scope %s', (scope) => {
    expect(lint({ ...goodClaims(scope) })).toEqual([]);
  });

  test.each(optionalSets.map((names) => [names.join(' and '), names] as const))('without %s', (_, names) => {
    expect(lint(without(...names))).toEqual([]);
  });

  test('of a workspace directly below the organisation', () => {
    const claims = { ...good(), workspace: 'acme/sim', group: 'acme', group_id: goodIds.organization };
    expect(lint(claims)).toEqual([]);
  });

  test.each([60, 600, 3600])('with a life of %i s', (lifetime) => {
    expect(lint({ ...goodClaims('workspace', { lifetime }) })).toEqual([]);
  });
});

describe('N64 the linter refuses a token with a mutated claim', () => {
  const wrongTypes = [null, true, 0, -1, 1.5, '', [], {}, [['a']], { sub: 'victim' }];

  test('this test has bad values for each claim', () => {
    expect(Object.keys(badClaims).sort()).toEqual([...claimNames].sort());
  });

  const required = claimNames.filter((name) => !optionalSets.flat().includes(name));
  test.each(required)('without %s', (name) => {
    expect(lint(without(name))).toEqual([`${name} is missing`]);
    expect(lint({ ...good(), [name]: undefined })).toEqual([`${name} is missing`]);
  });

  test.each(claimNames.flatMap((name) => wrongTypes.map((value) => [name, value] as const)))(
    '%s as %j',
    (name, value) => {
      expect(lint({ ...good(), [name]: value })).toEqual([expect.stringContaining(name)]);
    },
  );

  test.each(claimNames.flatMap((name) => badClaims[name].map((value) => [name, value] as const)))(
    '%s as %j',
    (name, value) => {
      expect(lint({ ...good(), [name]: value })).not.toEqual([]);
    },
  );

  test.each(
    [
      'azp',
      'act',
      'client_id',
      'clientId',
      'app_id',
      'scope',
      'sun',
      'cnf',
      'groups',
      'email',
      'Sub',
      'toString',
      '__proto__',
      '',
    ].map((name) => [name]),
  )('with an extra member %j', (name) => {
    for (const value of ['x', 1, null, ['aws'], { sub: 'victim' }]) {
      const claims = JSON.parse(`{${JSON.stringify(name)}:${JSON.stringify(value)},${JSON.stringify(good()).slice(1)}`);
      expect(lint(claims)).toEqual([expect.stringMatching(/is not a claim of a workload token$/)]);
    }
  });

  test.each([
    ['an inherited claim', Object.assign(Object.create({ jti: good().jti }), without('jti'))],
    ['no claims at all', {}],
  ])('%s', (_, claims) => {
    expect(lint(claims)).not.toEqual([]);
  });

  test('N38 the length of a subject in bytes is checked first', () => {
    const subject = (length: number) => lint({ ...good(), sub: `é${'a'.repeat(length - 2)}` });
    expect(subject(127)).toEqual(['sub is not a subject of Arsia']);
    expect(subject(128)).toEqual(['sub is longer than 127 bytes']);
  });

  test('reports every fault at once', () => {
    expect(lint({ ...without('jti'), azp: 'x', iat: '1' })).toHaveLength(3);
  });
});

describe('N64 the linter refuses claims that contradict each other', () => {
  const { user, workspace, identity } = goodIds;
  const other = {
    user: fixedId('user', 9),
    workspace: fixedId('workspace', 9),
    identity: fixedId('managed_identity', 9),
  };

  test.each<[string, Claims, RegExp]>([
    ['iss of another issuer', { iss: 'https://other.example.com' }, /^iss is not the issuer/],
    ['iss that differs by a port', { iss: `${goodIssuer}:8443` }, /^iss is not the issuer/],
    ['nbf after iat', { nbf: goodNow / 1000 }, /^nbf differs/],
    ['a life under a minute', { exp: goodNow / 1000 - 5 + 59 }, /^exp is 59 s/],
    ['a life over an hour', { exp: goodNow / 1000 - 5 + 3601 }, /^exp is 3601 s/],
    ['exp before iat', { exp: goodNow / 1000 - 6 }, /^exp is -1 s/],
    ['sub of another identity', { sub: `${other.identity}:${workspace}` }, /^sub names another identity/],
    ['sub of another workspace', { sub: `${identity}:${other.workspace}` }, /^sub names another workspace/],
    ['sub of another user', { sub: `${identity}:${other.user}` }, /^sub names another user/],
    [
      'sub of another user beside the right workspace',
      { sub: `${identity}:${workspace}:${other.user}` },
      /^sub names another user/,
    ],
    ['another organisation', { organization: 'globex' }, /^organization is not/],
    ['a group elsewhere', { group: 'acme/ops' }, /^group does not hold/],
    ['a group too high', { group: 'acme' }, /^group does not hold/],
    ['a workspace of another organisation', { workspace: 'globex/research/sim' }, /^organization is not/],
  ])('%s', (_, change, expected) => {
    expect(lint({ ...good(), ...change })).toContainEqual(expect.stringMatching(expected));
  });

  test.each([
    ['user', /^user and user_id/],
    ['user_id', /^user and user_id/],
    ['launcher', /^launcher and launcher_id/],
    ['launcher_id', /^launcher and launcher_id/],
    [awsRolesClaim, /^AWS tags are present without/],
  ])('without %s, while its pair is present', (name, expected) => {
    expect(lint(without(name))).toEqual([expect.stringMatching(expected)]);
  });

  test('a subject with a user in a token without user claims', () => {
    const claims = { ...without('user', 'user_id'), sub: `${identity}:${user}` };
    expect(lint(claims)).toEqual(['sub names another user than user_id']);
  });
});

describe('role ARNs', () => {
  test.each([
    'arn:aws:iam::123456789012:role/deploy',
    'arn:aws:iam::123456789012:role/team/ci/deploy',
    'arn:aws-us-gov:iam::123456789012:role/deploy',
    'arn:aws-cn:iam::123456789012:role/deploy',
    'arn:aws-iso-b:iam::123456789012:role/deploy',
    'arn:aws:iam:::role/deploy',
    'arn:minio:iam:::role/deploy',
    // Cases of the field: Ceph accounts (Squid) and tenants, RustFS and MinIO with a region.
    'arn:aws:iam::RGW12345678901234567:role/S3Access',
    'arn:aws:iam::RGW12345678901234567:role/application/S3Access',
    'arn:aws:iam::research:role/S3Access',
    'arn:aws:iam::2nd_tenant:role/S3Access',
    'arn:rustfs:iam:::role/S3Access',
    'arn:rustfs:iam:us-east-1::role/S3Access',
    'arn:minio:iam:us-east-1::role/S3Access',
    `arn:aws:iam::123456789012:role/${'p'.repeat(511)}/${'r'.repeat(64)}`,
  ])('accepts %s', (arn) => {
    expect(lint({ ...good(), [awsRolesClaim]: [arn] })).toEqual([]);
  });

  test('a long text that almost matches is refused in linear time', () => {
    const arn = `arn:aws:iam::123456789012:role${'/a'.repeat(5_000)}/ `;
    expect(lint({ ...good(), [awsRolesClaim]: [arn] })).toEqual([expect.stringContaining('role ARN')]);
  });
});

describe('tags', () => {
  const tagged = (tags: unknown, transitive?: unknown): Claims => ({
    ...good(),
    [awsTagsClaim]: { principal_tags: tags, ...(transitive !== undefined && { transitive_tag_keys: transitive }) },
  });

  test('accepts 50 tags and refuses 51', () => {
    const tags = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, ['v']]));
    expect(lint(tagged(tags(50)))).toEqual([]);
    expect(lint(tagged(tags(51)))).toEqual([expect.stringContaining('more than 50 tags')]);
  });

  test.each([
    [{ 'Cost Centre_1.a:b/c=d+e-f@g': ['x'] }],
    [{ a: [''] }],
    [{ ['k'.repeat(128)]: ['v'.repeat(256)] }],
    [{ größe: ['五'] }],
    [{ a: ['x*'] }],
  ])('accepts %j', (tags) => {
    expect(lint(tagged(tags))).toEqual([]);
  });

  test.each([
    [{ '': ['x'] }],
    [{ ['k'.repeat(129)]: ['x'] }],
    [{ a: ['v'.repeat(257)] }],
    [{ 'aws:x': ['x'] }],
    [{ 'AWS:x': ['x'] }],
    [{ a: ['aws:x'] }],
    [{ 'a\n': ['x'] }],
    [{ 'a*': ['x'] }],
    [{ a: ['$' + '{aws:username}'] }],
    [{ a: ['x', 'y'] }],
    [{ a: [] }],
    [{ a: 'x' }],
    [{ a: [1] }],
    [{ a: [null] }],
    [{ a: [['x']] }],
    [{ a: { sub: 'victim' } }],
    [{ a: ['x'], A: ['y'] }],
    [null],
    ['a'],
    [[['a']]],
  ])('refuses %j', (tags) => {
    expect(lint(tagged(tags))).toEqual([expect.stringContaining(awsTagsClaim)]);
  });

  test.each([[['b']], [['a', 'b']], ['a'], [[1]], [[null]], [{}], [null], [['constructor']]])(
    'refuses the transitive keys %j',
    (keys) => {
      expect(lint(tagged({ a: ['x'] }, keys))).toEqual([expect.stringContaining('transitive_tag_keys')]);
    },
  );

  test('refuses a further member beside the tags', () => {
    const claims = { ...good(), [awsTagsClaim]: { principal_tags: {}, sub: ['victim'] } };
    expect(lint(claims)).toEqual([expect.stringContaining('has members other than')]);
  });

  test.each([...claimNames, 'client_id', 'clientId', 'azp', 'app_id'])('refuses a key %j in any case', (name) => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: name.length, maxLength: name.length }), (isUpper) => {
        const key = [...name].map((letter, index) => (isUpper[index] ? letter.toUpperCase() : letter)).join('');
        expect(isReservedTagKey(key)).toBe(true);
        expect(lint(tagged({ [key]: ['x'] }))).toEqual([expect.stringContaining('is the name of a claim')]);
      }),
      { numRuns: 20 },
    );
  });
});

describe('issuers', () => {
  test.each([
    'https://arsia.example.com',
    'https://arsia.example.com:8443',
    'https://arsia.example.com/tenant/a',
    'http://127.0.0.1:8080',
    'http://localhost:8080/x',
    'http://[::1]:8080',
  ])('accepts %s', (text) => {
    expect(findIssuerFault(text)).toBeUndefined();
  });

  test.each([
    ['', /is not a URL/],
    ['arsia.example.com', /is not a URL/],
    ['http://arsia.example.com', /must be https/],
    ['http://127.0.0.1.example.com', /must be https/],
    ['ftp://localhost', /must be https/],
    ['https://arsia.example.com/', /trailing slash/],
    ['https://arsia.example.com/a/', /trailing slash/],
    ['https://arsia.example.com?x=1', /no query and no fragment/],
    ['https://arsia.example.com?', /no query and no fragment/],
    ['https://arsia.example.com#', /no query and no fragment/],
    ['https://arsia.example.com#a', /no query and no fragment/],
    ['https://user@arsia.example.com', /no user name and no password/],
    ['https://:pass@arsia.example.com', /no user name and no password/],
    ['https://user:pass@arsia.example.com', /no user name and no password/],
    ['https://@arsia.example.com', /must be written as https:\/\/arsia\.example\.com$/],
    ['https://ARSIA.example.com', /must be written as https:\/\/arsia\.example\.com$/],
    ['HTTPS://arsia.example.com', /must be written as/],
    ['https://arsia.example.com:443', /must be written as/],
    [' https://arsia.example.com', /must be written as/],
    ['https://arsia.example.com\n', /must be written as/],
    ['https://arsia.example.com/a/../b', /must be written as https:\/\/arsia\.example\.com\/b$/],
    ['https://arsia.example.com/a b', /must be written as/],
    ['https:\\\\arsia.example.com', /must be written as/],
  ])('N10 refuses %j', (text, expected) => {
    expect(findIssuerFault(text)).toMatch(expected);
  });
});

describe('buildClaims', () => {
  test('returns exactly the claims of the contract, in whole seconds, with iat 5 s in the past', () => {
    const claims = goodClaims('workspace', { now: goodNow + 999, lifetime: 900 });
    expect(claims.iat).toBe(goodNow / 1000 - 5);
    expect(claims.nbf).toBe(claims.iat);
    expect(claims.exp).toBe(claims.iat + 900);
    expect(Object.keys(claims).sort()).toEqual([...claimNames].sort());
  });

  test('leaves out user and launcher where the job has none', () => {
    const { identity, workspace, group, organization, job } = goodIds;
    const claims = buildClaims(
      {
        issuer: goodIssuer,
        subject: identity,
        identity: { id: identity, path: 'acme/deploy' },
        workspace: { id: workspace, path: 'acme/research/sim' },
        group: { id: group, path: 'acme/research' },
        organization: { id: organization, name: 'acme' },
        job: { id: job, stage: 'apply' },
      },
      { audience: 'api://AzureADTokenExchange', claims: {} },
      { jti: goodIds.event, now: goodNow / 1000, lifetime: 600 },
    );
    expect(lintClaims({ ...claims }, goodIssuer)).toEqual([]);
    expect(Object.keys(claims).filter((name) => /user|launcher|amazon/.test(name))).toEqual([]);
  });
});

describe('a fault names the claim and what it must be', () => {
  const id = 'is not the id of the';
  const tags = (principal_tags: unknown, more: object = {}) => ({ principal_tags, ...more });
  test.each<[ClaimName, unknown, string]>([
    ['iss', 'http://arsia.example.com', 'is not the workload issuer'],
    ['iss', 7, 'is not a string'],
    ['sub', 7, 'is not a string'],
    ['sub', 'x', 'is not a subject of Arsia'],
    ['aud', 'two words', 'is not the one audience'],
    ['iat', 1.5, 'is not in whole seconds'],
    ['jti', 'short', 'is not the id of this token and of its audit record'],
    ['identity_id', 'x', `${id} managed identity`],
    ['identity', 'X', 'is not the path of the managed identity'],
    ['workspace_id', 'x', `${id} workspace`],
    ['workspace', 'X', 'is not the path of the workspace'],
    ['group_id', 'x', `${id} group`],
    ['group', 'X', 'is not the path of the group that holds the workspace'],
    ['organization_id', 'x', `${id} organisation`],
    ['organization', 'X', 'is not the name of the organisation, its root group'],
    ['user_id', 'x', `${id} user`],
    ['user', 'X', 'is not the login of the person the job runs for'],
    ['job_id', 'x', `${id} job`],
    ['stage', 'X', 'is not the phase of the job'],
    ['launcher_id', 'x', `${id} service account`],
    ['launcher', 'X', 'is not the name of the service account that started the job'],
    [awsRolesClaim, [], 'is not an array of one role ARN'],
    [awsRolesClaim, ['xarn:aws:iam::123456789012:role/a'], 'does not hold a role ARN'],
    [awsTagsClaim, 'x', 'is not an object'],
    [awsTagsClaim, {}, 'has no principal_tags'],
    [awsTagsClaim, tags({ a: ['1'], A: ['1'] }), 'has keys that differ by case only'],
    [
      awsTagsClaim,
      tags({ 'a!': ['1'] }),
      'has a bad key: tag key "a!" is not 1 to 128 of letters, digits, spaces and _.:/=+-@',
    ],
    [awsTagsClaim, tags({ a: '1' }), 'has a value of "a" that is not an array of one string'],
    [
      awsTagsClaim,
      tags({ a: ['!'] }),
      'has a bad value: tag value "!" is not up to 256 of letters, digits, spaces and _.:/=+-@*',
    ],
    [
      awsTagsClaim,
      tags({ 5: ['x'] }, { transitive_tag_keys: [5] }),
      'has transitive_tag_keys that are not keys of principal_tags',
    ],
    [awsSourceIdentityClaim, 'a b', 'is not source identity at AWS'],
  ])('%s as %j', (name, value, fault) => {
    expect(lint({ ...good(), [name]: value })).toEqual([`${name} ${fault}`]);
  });

  test('refuses an issuer that no cloud would accept, also when it is our own', () => {
    expect(lintClaims({ ...good(), iss: `${goodIssuer}/` }, `${goodIssuer}/`)).toEqual([
      'iss is not the workload issuer',
    ]);
  });

  test('accepts a role of every partition, and tag keys that only resemble claim names', () => {
    for (const partition of ['aws-iso', 'aws-iso-b', 'aws-eusc'])
      expect(lint({ ...good(), [awsRolesClaim]: [`arn:${partition}:iam::123456789012:role/a`] })).toEqual([]);
    expect(lint({ ...good(), [awsTagsClaim]: tags({ '\u00df': ['1'], SS: ['1'] }) })).toEqual([]);
  });

  test('the preview explains each time claim', () => {
    const meanings = claimNames.map((name) => claimRegistry[name].meaning);
    expect(meanings.filter((meaning) => meaning.length < 5)).toEqual([]);
    const { iat, nbf, exp, sub } = claimRegistry;
    expect([iat, nbf, exp, sub].map(({ meaning }) => meaning)).toEqual([
      'issued at, 5 s in the past',
      'not before, equal to iat',
      'expiry',
      "the subject, by the identity's subject_scope",
    ]);
  });
});
