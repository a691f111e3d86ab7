import { describe, expect, test } from '@jest/globals';
import { awsRolesClaim, awsSourceIdentityClaim, awsTagsClaim } from '../../../src/core/claims.ts';
import { evaluate } from '../../../src/providers/aws/evaluate.ts';

/** Cases written by hand from cloud-facts.md 1.4, 1.6 and 7.3 to 7.5, without the sandbox, which uses `evaluate`. */
const host = 'issuer.example.com/path';
const provider = `arn:aws:iam::111122223333:oidc-provider/${host}`;
const role = 'arn:aws:iam::111122223333:role/deploy';
const token = { iss: `https://${host}`, sub: 'mi_1:ws_1', aud: 'aws' };
const tagged = {
  ...token,
  [awsTagsClaim]: { principal_tags: { Team: ['blue'], Cost: ['42'] }, transitive_tag_keys: ['Team'] },
};
const named = { ...token, [awsSourceIdentityClaim]: 'alice' };
const roled = { ...token, [awsRolesClaim]: [role] };

const statement = {
  Effect: 'Allow',
  Principal: { Federated: provider },
  Action: 'sts:AssumeRoleWithWebIdentity',
  Condition: { StringEquals: { [`${host}:aud`]: 'aws', [`${host}:sub`]: 'mi_1:ws_1' } },
};
const policyOf = (...statements: object[]) => JSON.stringify({ Version: '2012-10-17', Statement: statements });
const withCondition = (Condition: object, more: object = {}) => policyOf({ ...statement, Condition, ...more });
const judge = (document: string, claims: object = token, request: object = {}) =>
  evaluate(document, { ...claims }, request);

const sub = `${host}:sub`;
const aud = `${host}:aud`;
const amr = `${host}:amr`;

describe('conditions', () => {
  const cases: [string, object, object, boolean][] = [
    ['StringEquals, equal', { StringEquals: { [sub]: 'mi_1:ws_1' } }, token, true],
    ['StringEquals, another case', { StringEquals: { [sub]: 'MI_1:ws_1' } }, token, false],
    ['StringEquals takes * as a character', { StringEquals: { [sub]: 'mi_1:*' } }, token, false],
    ['StringEquals, one of several values', { StringEquals: { [sub]: ['x', 'mi_1:ws_1'] } }, token, true],
    ['StringEquals on an absent key', { StringEquals: { [amr]: 'x' } }, token, false],
    ['keys in any case', { StringEquals: { [sub.toUpperCase()]: 'mi_1:ws_1' } }, token, true],
    ['two keys of one block, one fails', { StringEquals: { [sub]: 'mi_1:ws_1', [aud]: 'x' } }, token, false],
    ['two blocks, one fails', { StringEquals: { [sub]: 'mi_1:ws_1' }, StringLike: { [aud]: 'x*' } }, token, false],
    ['StringNotEquals, equal', { StringNotEquals: { [sub]: 'mi_1:ws_1' } }, token, false],
    ['StringNotEquals, unequal', { StringNotEquals: { [sub]: 'x' } }, token, true],
    ['StringNotEquals, none of several may match', { StringNotEquals: { [sub]: ['x', 'mi_1:ws_1'] } }, token, false],
    ['StringNotEquals on an absent key', { StringNotEquals: { [amr]: 'x' } }, token, true],
    ['StringEqualsIgnoreCase', { StringEqualsIgnoreCase: { [sub]: 'MI_1:WS_1' } }, token, true],
    ['StringNotEqualsIgnoreCase', { StringNotEqualsIgnoreCase: { [sub]: 'MI_1:WS_1' } }, token, false],
    ['StringLike *', { StringLike: { [sub]: 'mi_1:*' } }, token, true],
    ['StringLike * for nothing', { StringLike: { [sub]: 'mi_1:ws_1*' } }, token, true],
    ['StringLike ?', { StringLike: { [sub]: 'mi_?:ws_?' } }, token, true],
    ['StringLike ? is not nothing', { StringLike: { [sub]: 'mi_1:ws_1?' } }, token, false],
    ['StringLike two *', { StringLike: { [sub]: '*1:*1' } }, token, true],
    ['StringLike is anchored', { StringLike: { [sub]: 'mi_1' } }, token, false],
    ['StringLike takes . as a character', { StringLike: { [sub]: 'mi_1.ws_1' } }, token, false],
    ['StringNotLike', { StringNotLike: { [sub]: 'mi_1:*' } }, token, false],
    ['StringNotLike on an absent key', { StringNotLike: { [amr]: '*' } }, token, true],
    ['IfExists on an absent key', { StringEqualsIfExists: { [amr]: 'x' } }, token, true],
    ['IfExists on a present key', { StringEqualsIfExists: { [sub]: 'x' } }, token, false],
    ['Null true on an absent key', { Null: { [amr]: 'true' } }, token, true],
    ['Null true on a present key', { Null: { [sub]: 'true' } }, token, false],
    ['Null false on a present key', { Null: { [sub]: 'false' } }, token, true],
    ['Null false on an absent key', { Null: { [amr]: false } }, token, false],
    [
      'ForAnyValue, one matches',
      { 'ForAnyValue:StringEquals': { [amr]: 'mfa' } },
      { ...token, amr: ['pwd', 'mfa'] },
      true,
    ],
    [
      'ForAnyValue, none matches',
      { 'ForAnyValue:StringEquals': { [amr]: 'x' } },
      { ...token, amr: ['pwd', 'mfa'] },
      false,
    ],
    ['ForAnyValue on an absent key', { 'ForAnyValue:StringEquals': { [amr]: 'x' } }, token, false],
    ['ForAnyValue, IfExists, absent', { 'ForAnyValue:StringEqualsIfExists': { [amr]: 'x' } }, token, true],
    [
      'ForAnyValue negated, one differs',
      { 'ForAnyValue:StringNotEquals': { [amr]: 'mfa' } },
      { ...token, amr: ['pwd', 'mfa'] },
      true,
    ],
    [
      'ForAllValues, all match',
      { 'ForAllValues:StringEquals': { [amr]: ['pwd', 'mfa', 'x'] } },
      { ...token, amr: ['pwd', 'mfa'] },
      true,
    ],
    [
      'ForAllValues, one does not',
      { 'ForAllValues:StringEquals': { [amr]: ['pwd'] } },
      { ...token, amr: ['pwd', 'mfa'] },
      false,
    ],
    ['ForAllValues on an absent key', { 'ForAllValues:StringEquals': { [amr]: 'x' } }, token, true],
    [
      'ForAllValues negated, one matches',
      { 'ForAllValues:StringNotEquals': { [amr]: 'mfa' } },
      { ...token, amr: ['pwd', 'mfa'] },
      false,
    ],
    [
      'a claim that AWS does not offer',
      { StringEquals: { [`${host}:workspace_id`]: 'ws_1' } },
      { ...token, workspace_id: 'ws_1' },
      false,
    ],
    [
      'such a claim, negated, as absent',
      { StringNotEquals: { [`${host}:workspace_id`]: 'ws_1' } },
      { ...token, workspace_id: 'ws_1' },
      true,
    ],
    ['a key of another issuer', { StringEquals: { 'other.example.com:sub': 'mi_1:ws_1' } }, token, false],
    ['azp stands for aud', { StringEquals: { [aud]: 'party' } }, { ...token, azp: 'party' }, true],
    ['azp hides aud', { StringEquals: { [aud]: 'aws' } }, { ...token, azp: 'party' }, false],
    ['two audiences without azp', { StringEquals: { [aud]: 'aws' } }, { ...token, aud: ['aws', 'x'] }, false],
    ['the role in the roles claim', { Bool: { 'sts:RoleAuthorizedByIdp': 'true' } }, roled, true],
    ['no roles claim', { Bool: { 'sts:RoleAuthorizedByIdp': true } }, token, false],
    ['source identity', { StringEquals: { 'sts:SourceIdentity': 'alice' } }, named, true],
    ['a tag', { StringEquals: { 'aws:RequestTag/team': 'blue' } }, tagged, true],
    ['another value of a tag', { StringEquals: { 'aws:RequestTag/Team': 'red' } }, tagged, false],
    ['tag keys', { 'ForAllValues:StringEquals': { 'aws:TagKeys': ['Team', 'Cost'] } }, tagged, true],
    ['a tag key too many', { 'ForAllValues:StringEquals': { 'aws:TagKeys': ['Team'] } }, tagged, false],
    ['transitive tags', { 'ForAnyValue:StringEquals': { 'sts:TransitiveTagKeys': 'Team' } }, tagged, true],
    ['no condition', {}, token, true],
  ];

  test.each(cases)('%s', (_name, condition, claims, allow) => {
    const Action = ['sts:AssumeRoleWithWebIdentity', 'sts:TagSession', 'sts:SetSourceIdentity'];
    expect(judge(withCondition(condition, { Action }), claims, { role_arn: role }).allow).toBe(allow);
  });

  test('can refer to the session name and the provider of the request', () => {
    const condition = { StringEquals: { 'sts:RoleSessionName': 'alice', 'aws:FederatedProvider': provider } };
    expect(judge(withCondition(condition), token, { role_arn: role, session_name: 'alice' })).toEqual({ allow: true });
    expect(judge(withCondition(condition), token, { role_arn: role, session_name: 'bob' })).toEqual({
      allow: false,
      condition: 'StringEquals sts:RoleSessionName',
      expected: 'alice',
      actual: 'bob',
    });
  });

  test('a role that the roles claim does not list is denied, whatever the policy says', () => {
    const other = { role_arn: 'arn:aws:iam::111122223333:role/other' };
    const condition = { Bool: { 'sts:RoleAuthorizedByIdp': 'false' } };
    expect(judge(withCondition(condition), roled, other)).toEqual({
      allow: false,
      condition: awsRolesClaim,
      expected: other.role_arn,
      actual: role,
    });
    expect(judge(withCondition(condition), roled, { role_arn: role }).allow).toBe(false);
  });
});

describe('statements', () => {
  test('the trust policy that Arsia generates is allowed', () => {
    expect(judge(policyOf(statement))).toEqual({ allow: true });
    expect(judge(JSON.stringify({ Version: '2012-10-17', Statement: statement }))).toEqual({ allow: true });
  });

  test('a verdict has the condition, the expected and the actual value', () => {
    expect(judge(policyOf(statement), { ...token, sub: 'mi_2:ws_1' })).toEqual({
      allow: false,
      condition: `StringEquals ${sub}`,
      expected: 'mi_1:ws_1',
      actual: 'mi_2:ws_1',
    });
    expect(judge(withCondition({ StringEquals: { [amr]: ['a', 'b'] } }))).toMatchObject({
      condition: `StringEquals ${amr}`,
      expected: 'a or b',
      actual: 'not in the request',
    });
  });

  const principals: [string, unknown, boolean][] = [
    ['the provider', { Federated: provider }, true],
    ['one of several', { Federated: ['arn:aws:iam::111122223333:oidc-provider/x', provider] }, true],
    ['beside a service', { Federated: provider, Service: 'ec2.amazonaws.com' }, true],
    ['* denies', { Federated: '*' }, false],
    ['* alone denies', '*', false],
    ['another issuer', { Federated: 'arn:aws:iam::111122223333:oidc-provider/other.example.com' }, false],
    ['a part of the path', { Federated: 'arn:aws:iam::111122223333:oidc-provider/issuer.example.com' }, false],
    ['capitals', { Federated: `arn:aws:iam::111122223333:oidc-provider/${host.toUpperCase()}` }, false],
    ['another account', { Federated: `arn:aws:iam::999999999999:oidc-provider/${host}` }, false],
    ['another partition', { Federated: `arn:aws-cn:iam::111122223333:oidc-provider/${host}` }, false],
    ['a wildcard within', { Federated: 'arn:aws:iam::111122223333:oidc-provider/*' }, false],
    ['a service', { Service: 'ec2.amazonaws.com' }, false],
    ['an account', { AWS: '111122223333' }, false],
  ];
  test.each(principals)('principal: %s', (_name, Principal, allow) => {
    const verdict = judge(policyOf({ ...statement, Principal }), token, { role_arn: role });
    expect(verdict.allow).toBe(allow);
    if (!verdict.allow) expect(verdict.condition).toBe('Principal.Federated');
  });

  const actions: [string, unknown, boolean][] = [
    ['another case', 'STS:assumerolewithwebidentity', true],
    ['a wildcard', 'sts:AssumeRole*', true],
    ['? for one', 'sts:AssumeRoleWithWebIdentit?', true],
    ['all of sts', 'sts:*', true],
    ['all', '*', true],
    ['one of several', ['sts:TagSession', 'sts:AssumeRoleWithWebIdentity'], true],
    ['another action', 'sts:AssumeRole', false],
    ['another service', 'iam:*', false],
    ['a wildcard for the service', 's*:AssumeRoleWithWebIdentity', false],
  ];
  test.each(actions)('action: %s', (_name, Action, allow) => {
    const verdict = judge(policyOf({ ...statement, Action }));
    expect(verdict.allow).toBe(allow);
    if (!verdict.allow) expect(verdict).toMatchObject({ condition: 'Action', actual: 'sts:AssumeRoleWithWebIdentity' });
  });

  test('tags need sts:TagSession, a source identity sts:SetSourceIdentity', () => {
    expect(judge(policyOf(statement), tagged)).toMatchObject({ condition: 'Action', actual: 'sts:TagSession' });
    expect(judge(policyOf(statement), named)).toMatchObject({ condition: 'Action', actual: 'sts:SetSourceIdentity' });
    const second = { ...statement, Action: ['sts:TagSession', 'sts:SetSourceIdentity'] };
    expect(judge(policyOf(statement, second), { ...tagged, ...named })).toEqual({ allow: true });
  });

  test('a Deny that applies wins in any position; one that does not apply has no effect', () => {
    const deny = { Sid: 'NoMore', Effect: 'Deny', Principal: '*', Action: 'sts:*' };
    expect(judge(policyOf(statement, deny))).toMatchObject({ allow: false, condition: 'Deny in statement NoMore' });
    expect(judge(policyOf(deny, statement)).allow).toBe(false);
    const elsewhere = { ...deny, Condition: { StringEquals: { [sub]: 'another' } } };
    expect(judge(policyOf(elsewhere, statement))).toEqual({ allow: true });
  });

  test('one of several statements is enough; a denial is explained by the closest one', () => {
    const other = { ...statement, Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' };
    const wrong = { ...statement, Condition: { StringEquals: { [aud]: 'x', [sub]: 'y' } } };
    expect(judge(policyOf(other, wrong, statement))).toEqual({ allow: true });
    expect(judge(policyOf(other, wrong, statement), { ...token, sub: 'z' })).toMatchObject({
      condition: `StringEquals ${sub}`,
      expected: 'mi_1:ws_1',
    });
    expect(judge(policyOf({ ...statement, Effect: 'Deny', Action: 'iam:*' }))).toMatchObject({ condition: 'Effect' });
  });

  test('an http issuer is denied, except on loopback for a sandbox', () => {
    expect(judge(policyOf(statement), { ...token, iss: `http://${host}` })).toMatchObject({
      condition: 'Principal.Federated',
    });
    const local = '127.0.0.1:8080';
    const Principal = { Federated: `arn:aws:iam::111122223333:oidc-provider/${local}` };
    const document = withCondition({ StringEquals: { [`${local}:sub`]: 's', [`${local}:aud`]: 'aws' } }, { Principal });
    expect(judge(document, { iss: `http://${local}`, sub: 's', aud: 'aws' })).toEqual({ allow: true });
    expect(judge(document, { iss: 'http://127.0.0.1.evil.example.com', sub: 's', aud: 'aws' }).allow).toBe(false);
  });

  test('a provider of Ceph RGW has no account', () => {
    const Principal = { Federated: `arn:aws:iam:::oidc-provider/${host}` };
    const request = { role_arn: 'arn:aws:iam:::role/deploy' };
    expect(judge(policyOf({ ...statement, Principal }), token, request)).toEqual({ allow: true });
    expect(judge(policyOf(statement), token, request).allow).toBe(false);
  });
});

describe('a statement for somebody else does not stop the verdict', () => {
  /** Cases of the field: what stands beside the generated statement in real trust policies. */
  const forOthers: [string, object][] = [
    [
      'a service, by source account',
      {
        Principal: { Service: 'pods.eks.amazonaws.com' },
        Action: ['sts:AssumeRole', 'sts:TagSession'],
        Condition: { StringEquals: { 'aws:SourceAccount': '111122223333' } },
      },
    ],
    [
      'a service, by ARN',
      {
        Principal: { Service: 'pods.eks.amazonaws.com' },
        Action: 'sts:AssumeRole',
        Condition: { ArnEquals: { 'aws:PrincipalARN': 'arn:aws:iam::111122223333:role/x' } },
      },
    ],
    [
      'a service, by variable',
      {
        Principal: { Service: 'pods.eks.amazonaws.com' },
        Action: 'sts:AssumeRole',
        Condition: { StringEquals: { 'aws:SourceOrgId': '$'.concat('{aws:ResourceOrgId}') } },
      },
    ],
    [
      'an account, by external id',
      {
        Principal: { AWS: 'arn:aws:iam::444455556666:root' },
        Action: 'sts:AssumeRole',
        Condition: { StringEquals: { 'sts:ExternalId': 'abc' } },
      },
    ],
    [
      'an account, by MFA',
      {
        Principal: { AWS: 'arn:aws:iam::444455556666:root' },
        Action: 'sts:*',
        Condition: {
          Bool: { 'aws:MultiFactorAuthPresent': 'true' },
          NumericLessThan: { 'aws:MultiFactorAuthAge': '3600' },
        },
      },
    ],
    [
      'another action, denied by address',
      {
        Effect: 'Deny',
        Principal: '*',
        Action: 'sts:AssumeRole',
        Condition: { NotIpAddress: { 'aws:SourceIp': '192.0.2.0/24' } },
      },
    ],
    ['a service and all but an action', { Principal: { Service: 'ec2.amazonaws.com' }, NotAction: 'sts:AssumeRole' }],
    ['another action and all but a principal', { NotPrincipal: { AWS: '444455556666' }, Action: 'sts:AssumeRole' }],
    ['another action and a member that nobody knows', { Principal: { Robot: 'x' }, Action: 'sts:AssumeRole', Zzz: 1 }],
    [
      'another provider, by address',
      {
        Principal: { Federated: 'arn:aws:iam::111122223333:oidc-provider/other.example.com' },
        Action: 'sts:AssumeRoleWithWebIdentity',
        Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } },
      },
    ],
  ];
  test.each(forOthers)('%s', (_name, more) => {
    const other = { Effect: 'Allow', ...more };
    for (const statements of [
      [statement, other],
      [other, statement],
    ]) {
      expect(judge(policyOf(...statements))).toEqual({ allow: true });
      expect(judge(policyOf(...statements), { ...token, sub: 'x' })).toMatchObject({
        allow: false,
        condition: `StringEquals ${sub}`,
      });
    }
  });

  const byAddress = { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } };
  const unsupported = expect.objectContaining({ code: 'not_supported', message: expect.stringContaining('IpAddress') });

  test('one that may apply does, where the verdict depends on it', () => {
    const deny = { Effect: 'Deny', Principal: '*', Action: 'sts:*', Condition: byAddress };
    expect(() => judge(policyOf(statement, deny))).toThrow(unsupported);
    expect(() => judge(policyOf({ ...statement, Condition: byAddress }))).toThrow(unsupported);
    const perhaps = { ...statement, Condition: byAddress };
    expect(() => judge(policyOf(statement, perhaps), { ...token, sub: 'x' })).toThrow(unsupported);
  });

  test('one that may apply does not, where another statement or condition decides', () => {
    expect(judge(policyOf({ ...statement, Condition: byAddress }, statement))).toEqual({ allow: true });
    const both = { ...statement, Condition: { ...statement.Condition, ...byAddress } };
    expect(judge(policyOf(both), { ...token, sub: 'x' })).toMatchObject({ condition: `StringEquals ${sub}` });
    const deny = { Effect: 'Deny', Principal: '*', Action: 'sts:*' };
    expect(judge(policyOf({ ...deny, Condition: byAddress }, deny))).toMatchObject({ allow: false });
  });

  test('one that IAM would not store stays a fault of the document', () => {
    const other = { Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' };
    for (const wrong of [{ ...other, Effect: 'allow' }, { ...other, Condition: { Bool: [] } }, { Effect: 'Allow' }])
      expect(() => judge(policyOf(statement, wrong))).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });
});

describe('what evaluate does not know, it says', () => {
  const unknown: [string, string, string][] = [
    ['an operator', withCondition({ IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } }), 'IpAddress'],
    ['a key that Arsia cannot see', withCondition({ StringEquals: { 'aws:SourceIp': '10.0.0.1' } }), 'aws:SourceIp'],
    ['a policy variable', withCondition({ StringEquals: { [sub]: '$'.concat('{aws:username}') } }), 'variable'],
    ['Resource', policyOf({ ...statement, Resource: '*' }), 'Resource'],
    ['a member of the policy', JSON.stringify({ Version: '2012-10-17', Statement: [statement], Extra: 1 }), 'Extra'],
  ];
  test.each(unknown)('%s', (_name, document, text) => {
    expect(() => judge(document)).toThrow(
      expect.objectContaining({ code: 'not_supported', message: expect.stringContaining(text) }),
    );
  });

  test('a list needs ForAnyValue or ForAllValues: without one, no condition on it holds', () => {
    for (const condition of [
      { StringEquals: { [amr]: 'mfa' } },
      { StringNotEquals: { [amr]: 'x' } },
      { StringEqualsIfExists: { [amr]: 'mfa' } },
    ])
      for (const claims of [
        { ...token, amr: ['pwd', 'mfa'] },
        { ...token, amr: ['mfa'] },
      ])
        expect(judge(withCondition(condition), claims).allow).toBe(false);
  });

  test('NotPrincipal and NotAction mean all but what they name', () => {
    const other = 'arn:aws:iam::111122223333:oidc-provider/other.example.com';
    const allowing = (more: object) => judge(policyOf({ Effect: 'Allow', ...more }), token, { role_arn: role });
    expect(allowing({ NotPrincipal: '*', Action: 'sts:*' })).toMatchObject({ condition: 'NotPrincipal' });
    expect(allowing({ NotPrincipal: { Federated: provider }, Action: 'sts:*' })).toMatchObject({
      condition: 'NotPrincipal',
      expected: provider,
    });
    expect(allowing({ NotPrincipal: { Federated: other }, Action: 'sts:*' })).toEqual({ allow: true });
    expect(allowing({ Principal: { Federated: provider }, NotAction: 'iam:*' })).toEqual({ allow: true });
    expect(allowing({ Principal: { Federated: provider }, NotAction: 'sts:Assume*' })).toMatchObject({
      condition: 'NotAction',
    });
    const denying = { Effect: 'Deny', NotPrincipal: { Federated: provider }, Action: 'sts:*' };
    expect(judge(policyOf(statement, denying), token, { role_arn: role })).toEqual({ allow: true });
  });

  test('but in a policy of 2008 a variable is plain text', () => {
    const text = '$'.concat('{aws:username}');
    const old = { Version: '2008-10-17', Statement: [{ ...statement, Condition: { StringEquals: { [sub]: text } } }] };
    expect(judge(JSON.stringify(old), { ...token, sub: text })).toEqual({ allow: true });
  });

  const malformed: [string, string][] = [
    [
      'two blocks of one operator',
      `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"${provider}"},"Action":"sts:*","Condition":{"StringEquals":{"${sub}":"x"},"StringEquals":{"${aud}":"aws"}}}]}`,
    ],
    ['another version', JSON.stringify({ Version: '2020-01-01', Statement: [statement] })],
    ['no statement', JSON.stringify({ Version: '2012-10-17', Statement: [] })],
    ['an effect in another case', policyOf({ ...statement, Effect: 'allow' })],
    ['no principal', policyOf({ Effect: 'Allow', Action: 'sts:*' })],
    ['no action', policyOf({ Effect: 'Allow', Principal: '*' })],
    ['an operator in another case', withCondition({ stringequals: { [sub]: 'x' } })],
    ['Null with a suffix', withCondition({ NullIfExists: { [sub]: 'true' } })],
    ['an unknown quantifier', withCondition({ 'ForOneValue:StringEquals': { [sub]: 'x' } })],
    ['a number that is none', withCondition({ NumericEquals: { [sub]: 'x' } })],
    ['an ARN of four parts', withCondition({ ArnLike: { [sub]: 'arn:aws:*:user/*' } })],
    ['a condition of null', withCondition({ StringEquals: { [sub]: null } })],
    ['a text of a megabyte', JSON.stringify({ Id: 'x'.repeat(1e6) })],
  ];
  test.each(malformed)('malformed: %s', (_name, document) => {
    expect(() => judge(document)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  test('an empty list of values is stored by IAM, and no value matches it', () => {
    expect(judge(withCondition({ StringEquals: { [sub]: [] } })).allow).toBe(false);
    expect(judge(withCondition({ StringNotEquals: { [sub]: [] } })).allow).toBe(true);
  });

  test('a fault says where it is, in the pasted text', () => {
    const text = JSON.stringify({ Statement: [{ ...statement, Effect: 'allow' }] }, null, 2);
    expect(() => judge(text)).toThrow(
      /unknown `Statement\[0\]\.Effect` \(line 4, column 17; expected "Allow" or "Deny"\)/,
    );
    expect(() => judge(`{"Version": "2012-10-17"\n "Statement": []}`)).toThrow(
      /is not JSON: expected a comma or the end of the object \(line 2, column 2\)/,
    );
    const role = JSON.stringify({ Role: { AssumeRolePolicyDocument: { Statement: [{ Effect: 'Deny' }] } } }, null, 1);
    expect(() => judge(role)).toThrow(/line 5, column 5/);
    expect(() =>
      judge(`Version: 2012-10-17\nStatement:\n- Effect: allow\n  Principal: '*'\n  Action: sts:*\n`),
    ).toThrow(/line 3, column 11/);
  });

  test('a pattern of many wildcards is evaluated fast', () => {
    const document = withCondition({ StringLike: { [sub]: `${'*a'.repeat(5000)}b` } });
    expect(judge(document, { ...token, sub: 'a'.repeat(6000) }).allow).toBe(false);
  });
});
