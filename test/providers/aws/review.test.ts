import { describe, expect, test } from '@jest/globals';
import { awsRolesClaim, awsSourceIdentityClaim, awsTagsClaim } from '../../../src/core/claims.ts';
import { evaluate } from '../../../src/providers/aws/evaluate.ts';
import { review } from '../../../src/providers/aws/review.ts';
import { makeRandom } from '../../support/random.ts';
import { rounds } from '../../support/rounds.ts';

const host = 'issuer.example.com/path';
const provider = `arn:aws:iam::111122223333:oidc-provider/${host}`;
const role = 'arn:aws:iam::111122223333:role/deploy';
const token = { iss: `https://${host}`, sub: 'mi_1:ws_1', aud: 'aws', [awsRolesClaim]: [role] };
const aud = `${host}:aud`;
const sub = `${host}:sub`;
const statement = {
  Effect: 'Allow',
  Principal: { Federated: provider },
  Action: 'sts:AssumeRoleWithWebIdentity',
  Condition: { StringEquals: { [aud]: 'aws', [sub]: 'mi_1:ws_1' } },
};
const policyOf = (...statements: object[]) => JSON.stringify({ Version: '2012-10-17', Statement: statements }, null, 2);
const withCondition = (Condition: object) => policyOf({ ...statement, Condition });

test('a denial has the statement, the condition and its place', () => {
  const other = { Sid: 'Other', ...statement, Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' };
  const document = policyOf(other, { ...statement, Sid: 'Arsia' });
  const line = document.split('\n').findLastIndex((one) => one.includes(':sub')) + 1;
  expect(review(document, { ...token, sub: 'mi_2:ws_1' })).toMatchObject({
    verdict: { allow: false, condition: `StringEquals ${sub}`, expected: 'mi_1:ws_1', actual: 'mi_2:ws_1' },
    statement: 'Arsia',
    operator: 'StringEquals',
    key: sub,
    position: { line, column: 11 + JSON.stringify(sub).length + 2 },
  });
  expect(review(document, token)).toMatchObject({ verdict: { allow: true }, statement: 'Arsia' });
  expect(review(document, token).corrected).toBe(undefined);
});

test('places are those of the pasted text, also within the output of a command and in YAML', () => {
  const output = JSON.stringify(
    { Role: { Arn: role, AssumeRolePolicyDocument: JSON.parse(policyOf(statement)) } },
    null,
    1,
  );
  const line = output.split('\n').findIndex((one) => one.includes(':sub')) + 1;
  expect(review(output, { ...token, sub: 'x' }).position?.line).toBe(line);
  const yaml = [
    '# trust',
    'Version: "2012-10-17"',
    'Statement:',
    '  - Effect: Allow',
    `    Principal: {Federated: "${provider}"}`,
    '    Action: sts:AssumeRoleWithWebIdentity',
    '    Condition:',
    '      StringEquals:',
    `        "${sub}": mi_1:ws_1`,
  ].join('\n');
  expect(review(yaml, { ...token, sub: 'x' }).position).toEqual({ line: 9, column: 9 + sub.length + 4 });
  const encoded = JSON.stringify({ AssumeRolePolicyDocument: encodeURIComponent(policyOf(statement)) });
  expect(review(encoded, { ...token, sub: 'x' }).position).toEqual({ line: 1, column: 29 });
});

describe('findings', () => {
  const found = (document: string) =>
    review(document, token).findings.map(({ code, severity, position }) => [code, severity, position.line]);
  const like = (value: string | string[]) =>
    withCondition({ StringEquals: { [aud]: 'aws' }, StringLike: { [sub]: value } });

  test('there are none in the policy that Arsia generates', () => {
    expect(found(policyOf(statement))).toEqual([]);
    expect(found(like('mi_1:ws_1:usr_*'))).toEqual([]);
  });

  const cases: [string, string, [string, string][]][] = [
    ['no subject', withCondition({ StringEquals: { [aud]: 'aws' } }), [['no_subject', 'high']]],
    [
      'no condition',
      policyOf({ ...statement, Condition: undefined }),
      [
        ['no_subject', 'high'],
        ['no_audience', 'medium'],
      ],
    ],
    ['no audience', withCondition({ StringEquals: { [sub]: 'mi_1:ws_1' } }), [['no_audience', 'medium']]],
    [
      'a subject that is only excluded',
      withCondition({ StringEquals: { [aud]: 'aws' }, StringNotEquals: { [sub]: 'x' } }),
      [['no_subject', 'high']],
    ],
    ['every subject', like('*'), [['wide_subject', 'high']]],
    ['a subject of any identity', like('mi_*'), [['wide_subject', 'high']]],
    ['a subject of identities that begin alike', like('mi_1*'), [['wide_subject', 'high']]],
    ['one of several values is wide', like(['mi_1:ws_1', 'mi_?:ws_1']), [['wide_subject', 'high']]],
    ['every workspace of the identity', like('mi_1:*'), [['wide_subject', 'medium']]],
    [
      'a wide pattern beside an exact value',
      withCondition({ StringEquals: { [aud]: 'aws', [sub]: 'mi_1:ws_1' }, StringLike: { [sub]: '*' } }),
      [],
    ],
    ['StringLike without a wildcard', like('mi_1:ws_1'), [['like_without_wildcard', 'low']]],
    [
      'a wildcard for StringEquals',
      withCondition({ StringEquals: { [aud]: 'aws', [sub]: 'mi_1:*' } }),
      [['wildcard_in_equals', 'low']],
    ],
    [
      'NotPrincipal in an Allow',
      policyOf({ ...statement, Principal: undefined, NotPrincipal: { AWS: '444455556666' } }),
      [['not_principal', 'high']],
    ],
    [
      'NotPrincipal in a Deny',
      policyOf(statement, {
        Effect: 'Deny',
        NotPrincipal: { Federated: provider },
        Action: 'sts:AssumeRoleWithWebIdentity',
      }),
      [['not_principal', 'medium']],
    ],
    ['everybody', policyOf({ ...statement, Principal: '*' }), [['any_principal', 'high']]],
    [
      'an account',
      policyOf(statement, { Effect: 'Allow', Principal: { AWS: '444455556666' }, Action: 'sts:AssumeRole' }),
      [['other_principal', 'medium']],
    ],
    [
      'a service',
      policyOf(statement, { Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }),
      [['other_principal', 'low']],
    ],
    [
      'another issuer',
      policyOf(statement, { ...statement, Principal: { Federated: `${provider}/other` } }),
      [['other_principal', 'medium']],
    ],
    [
      'a variable in an old version',
      policyOf({
        ...statement,
        Condition: { StringEquals: { [aud]: 'aws', [sub]: ['mi_1:ws_1', '$'.concat('{aws:userid}')] } },
      }).replace('2012', '2008'),
      [['plain_variable', 'low']],
    ],
    ['an action that IAM does not store', policyOf({ ...statement, Action: 'sts:*' }), [['not_stored', 'high']]],
    [
      'NotAction',
      policyOf({ ...statement, Action: undefined, NotAction: 'sts:AssumeRole' }),
      [['not_action', 'medium']],
    ],
  ];
  test.each(cases)('%s', (_name, document, expected) => {
    const { findings } = review(document, token);
    expect(findings.map(({ code, severity }) => [code, severity])).toEqual(expected);
    for (const { safe, position } of findings) {
      expect(safe).not.toBe('');
      expect(position.line).toBeGreaterThan(0);
    }
  });

  test('has the safe form with the values of the token', () => {
    expect(review(like('*'), token).findings[0]).toMatchObject({
      safe: `"StringEquals": {"${sub}":"mi_1:ws_1"}`.replace('":"', '": "'),
      statement: '1',
      position: {
        line:
          like('*')
            .split('\n')
            .findIndex((one) => one.includes(':sub')) + 1,
      },
    });
  });
});

describe('the corrected document', () => {
  const tagged = {
    ...token,
    [awsTagsClaim]: { principal_tags: { Team: ['blue'] } },
    [awsSourceIdentityClaim]: 'alice',
  };
  const denyOthers = {
    Sid: 'Guard',
    Effect: 'Deny',
    Principal: '*',
    Action: 'sts:*',
    Condition: { StringNotEquals: { [sub]: 'mi_9:ws_9' } },
  };
  const cases: [string, string, object][] = [
    ['another subject', policyOf(statement), { ...token, sub: 'mi_1:ws_2' }],
    ['another audience and subject', policyOf(statement), { ...token, sub: 'mi_1:ws_2', aud: 'aws:org_1' }],
    ['a pattern of another identity', withCondition({ StringLike: { [sub]: 'mi_9:*', [aud]: 'aws' } }), token],
    ['an operator with IfExists', withCondition({ StringEqualsIfExists: { [sub]: 'mi_9:ws_9' } }), token],
    ['missing actions', policyOf(statement), tagged],
    ['another principal', policyOf({ ...statement, Principal: { Federated: `${provider}/x` } }), token],
    ['another action', policyOf({ ...statement, Action: 'sts:AssumeRole' }), token],
    ['NotAction', policyOf({ ...statement, Action: undefined, NotAction: 'sts:AssumeRole*' }), token],
    ['a condition that no value of the token meets', withCondition({ Null: { [sub]: 'true' } }), token],
    ['a Deny', policyOf(statement, { ...denyOthers, Condition: undefined }), token],
    ['a Deny of all but another', policyOf(statement, denyOthers), token],
    ['a Deny, and no Allow', policyOf(denyOthers), tagged],
    ['no Allow', policyOf({ ...denyOthers, Action: 'sts:AssumeRole' }), token],
    ['a value that looks like a variable', policyOf(statement), { ...token, sub: '$'.concat('{aws:userid}') }],
    ['Version 2008-10-17', policyOf(statement).replace('2012', '2008'), { ...token, sub: '$'.concat('{aws:userid}') }],
  ];
  test.each(cases)('allows this token, and no other subject: %s', (_name, document, claims) => {
    const { verdict, corrected } = review(document, { ...claims });
    expect(verdict.allow).toBe(false);
    expect(evaluate(corrected!, { ...claims })).toEqual({ allow: true });
    const stranger = { ...claims, sub: 'mi_3:ws_3' };
    expect(evaluate(corrected!, stranger).allow).toBe(false);
  });

  test('adds the subject beside the others, changes nothing else, and keeps the indentation', () => {
    const document = policyOf({ Sid: 'Mine', ...statement });
    const { corrected } = review(document, { ...token, sub: 'mi_1:ws_2' });
    const both = JSON.stringify(['mi_1:ws_1', 'mi_1:ws_2'], null, 2).replaceAll('\n', '\n          ');
    expect(corrected).toBe(document.replace('"mi_1:ws_1"', both));
    const compact = JSON.stringify(JSON.parse(document));
    expect(review(compact, { ...token, sub: 'mi_1:ws_2' }).corrected).toBe(
      compact.replace('"mi_1:ws_1"', '["mi_1:ws_1","mi_1:ws_2"]'),
    );
  });

  test('lets in nobody else, and nobody out: random policies', () => {
    const random = makeRandom(7);
    const subjects = ['mi_1:ws_1', 'mi_1:ws_2', 'mi_2:ws_1', 'mi_3:ws_3'];
    const values = [...subjects, 'mi_1:*', 'mi_*', '*', 'x'];
    const operators = [
      'StringEquals',
      'StringLike',
      'StringNotEquals',
      'StringNotLike',
      'StringEqualsIfExists',
      'ForAnyValue:StringLike',
    ];
    const makeStatement = () => {
      const Condition: Record<string, Record<string, unknown>> = {};
      for (let count = random.below(4); count > 0; count--) {
        const name = random.pick(operators);
        const key = random.pick([sub, sub, aud, 'sts:RoleSessionName', 'aws:RequestTag/Team']);
        const value = key === aud ? ['aws', 'aws:org_1'] : key === sub ? values : ['alice', 'blue', '*'];
        Condition[name] = {
          ...Condition[name],
          [key]: random.chance(0.3) ? [random.pick(value), random.pick(value)] : random.pick(value),
        };
      }
      return {
        Effect: random.chance(0.3) ? 'Deny' : 'Allow',
        Principal: random.pick([{ Federated: provider }, { Federated: provider }, '*', { Federated: `${provider}/x` }]),
        Action: random.pick([
          'sts:AssumeRoleWithWebIdentity',
          ['sts:AssumeRoleWithWebIdentity', 'sts:TagSession'],
          'sts:TagSession',
          'sts:AssumeRole',
        ]),
        Condition,
      };
    };
    const request = { role_arn: role, session_name: 'alice' };
    const tokens = subjects.flatMap((subject) =>
      ['aws', 'aws:org_1'].flatMap((audience) =>
        [{}, { [awsTagsClaim]: { principal_tags: { Team: ['blue'] } } }].map((more) => ({
          ...token,
          sub: subject,
          aud: audience,
          ...more,
        })),
      ),
    );
    let corrections = 0;
    for (let round = rounds(400, 4000); round > 0; round--) {
      const document = policyOf(...Array.from({ length: 1 + random.below(3) }, makeStatement));
      const claims = random.pick(tokens);
      const { verdict, corrected } = review(document, claims, request);
      expect(corrected === undefined).toBe(verdict.allow);
      if (corrected === undefined) continue;
      corrections++;
      expect(evaluate(corrected, claims, request)).toEqual({ allow: true });
      for (const other of tokens.filter((one) => one.sub !== claims.sub)) {
        const [before, after] = [document, corrected].map((one) => evaluate(one, other, request).allow);
        if (before !== after) expect({ document, claims, corrected, other }).toEqual({ before, after });
      }
    }
    expect(corrections).toBeGreaterThan(100);
  });

  test('is the policy alone where a role was pasted', () => {
    const output = JSON.stringify({ Role: { AssumeRolePolicyDocument: JSON.parse(policyOf(statement)) } });
    expect(Object.keys(JSON.parse(review(output, { ...token, sub: 'x' }).corrected!))).toEqual([
      'Version',
      'Statement',
    ]);
  });

  test('is none where it would be longer than a policy may be', () => {
    const long = policyOf({
      ...statement,
      Condition: { StringEquals: { [sub]: ['x'.repeat(32_000), 'y'], [aud]: 'x' } },
    });
    expect(review(long, { ...token, sub: 'z'.repeat(700) })).toMatchObject({ verdict: { allow: false } });
    expect(review(long, { ...token, sub: 'z'.repeat(700) }).corrected).toBe(undefined);
  });

  test('is none where not the policy denies', () => {
    const output = JSON.stringify({
      Role: { Arn: `${role}-other`, AssumeRolePolicyDocument: JSON.parse(policyOf(statement)) },
    });
    expect(review(output, token)).toMatchObject({ verdict: { condition: 'Role.Arn' } });
    expect(review(output, token).corrected).toBe(undefined);
  });
});
