import { awsRolesClaim } from '../../../src/core/claims.ts';
import * as aws from '../../../src/providers/aws/evaluate.ts';
import { absent, claims, host, type Walk } from '../walk.ts';

const statement = {
  Sid: 'Arsia',
  Effect: 'Allow',
  Principal: { Federated: `arn:aws:iam::111122223333:oidc-provider/${host}` },
  Action: 'sts:AssumeRoleWithWebIdentity',
  Condition: { StringEquals: { [`${host}:sub`]: claims.sub } },
};
const policy = { Version: '2012-10-17', Statement: [statement] };
const role = 'arn:aws:iam::111122223333:role/deploy';
const template = (resource: object, more: object = {}) => ({
  Resources: { Provider: { Type: 'x' }, Role: resource },
  ...more,
});
const resource = { Type: 'AWS::IAM::Role', Properties: { AssumeRolePolicyDocument: policy } };
const deny = { Effect: 'Deny', Action: 'sts:*' };

export const walk: Walk = {
  ...aws,
  claims: { ...claims, [awsRolesClaim]: [role] },
  companions: { 'Statement.Principal.': statement.Principal },
  places: {
    '': (change) => ({ Version: '2012-10-17', Id: 'x', Statement: [statement], ...change }),
    'Statement.': (change) => ({ Version: '2012-10-17', Statement: [{ ...statement, ...change }] }),
    'Statement.Principal.': (change) => ({
      Version: '2012-10-17',
      Statement: [
        statement,
        'AWS' in change ? { ...deny, Principal: change } : { ...statement, Principal: change },
      ].slice('AWS' in change ? 0 : 1),
    }),
    'get-role: ': (change) => ({ Role: { AssumeRolePolicyDocument: policy }, ...change }),
    'get-role: Role.': (change) => ({ Role: { Arn: role, AssumeRolePolicyDocument: policy, ...change } }),
    'template: ': (change) => template(resource, change),
    'template: Resources[].': (change) => template({ ...resource, ...change }),
    'template: Resources[].Properties.': (change) =>
      template({ ...resource, Properties: { ...resource.Properties, ...change } }),
  },
  refused: {
    Version: ['2020-01-01', 2012, null, []],
    Statement: [absent, [], null, 'x', [7], [{ ...deny, Principal: '*' }, statement]],
    'Statement.Sid': ['a b', 7, null, ['x']],
    'Statement.Effect': [absent, 'Deny', 'allow', true],
    'Statement.Principal': [absent, {}, '*', 'x', { Service: 'ec2.amazonaws.com' }],
    'Statement.Action': [absent, [], 7, 'sts:AssumeRole'],
    'Statement.Condition': [null, [], { StringEquals: { [`${host}:sub`]: 'x' } }],
    'Statement.Principal.Federated': [[], 7, '*', 'arn:aws:iam::111122223333:oidc-provider/other.example.com'],
    'get-role: Role': [absent, null, {}, 'x'],
    'get-role: Role.Arn': ['arn:aws:iam::111122223333:role/other', '', 7, null],
    'get-role: Role.AssumeRolePolicyDocument': [absent, null, {}, '%', '%7B', 'x', JSON.stringify(deny)],
    'template: Resources': [absent, null, {}, 'x', { Role: resource, Other: resource }],
    'template: Resources[].Type': [absent, null, 'AWS::IAM::User', ['AWS::IAM::Role']],
    'template: Resources[].Properties': [absent, null, {}, 'x', []],
    'template: Resources[].Properties.AssumeRolePolicyDocument': [absent, null, {}, { 'Fn::Sub': 'x' }, 'x'],
    'Statement.NotAction': [[], 7, '*', 'sts:*'],
    'Statement.NotPrincipal': [{}, 'x', '*'],
    'Statement.Principal.AWS': ['*', ['111122223333', '*'], 7, []],
    'Statement.Principal.Service': [7, [], null],
    'Statement.Principal.CanonicalUser': [7, [], null],
  },
};
