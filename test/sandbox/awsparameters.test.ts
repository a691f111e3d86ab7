import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { denied, expectRefusal, invalid, type Refusal, validation } from './awsrefusals.ts';
import { account, assumeRole, type Bench, elementOf, pasteAws, roleArn, startBench, trustPolicy } from './clouds.ts';

let bench: Bench;

beforeAll(async () => {
  bench = await startBench();
  pasteAws(bench);
});
afterAll(() => bench.close());

describe('parameters', () => {
  const malformed: [string, Record<string, string | undefined>, Refusal][] = [
    [
      'no role',
      { RoleArn: undefined },
      validation(
        "1 validation error detected: Value null at 'roleArn' failed to satisfy constraint: Member must not be null",
      ),
    ],
    ['a malformed role', { RoleArn: 'arn:aws:iam::1:role/reader' }, validation('Request ARN is invalid')],
    [
      'a session name with a blank',
      { RoleSessionName: 'ada l' },
      validation(
        "1 validation error detected: Value 'ada l' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*",
      ),
    ],
    ['a session name of one letter', { RoleSessionName: 'a' }, validation(/length greater than or equal to 2$/)],
    [
      'a session name of 65 letters',
      { RoleSessionName: 'a'.repeat(65) },
      validation(/length less than or equal to 64$/),
    ],
    ['N39 899 seconds', { DurationSeconds: '899' }, validation(/value greater than or equal to 900$/)],
    ['N39 43201 seconds', { DurationSeconds: '43201' }, validation(/value less than or equal to 43200$/)],
    ['N39 1e9 seconds', { DurationSeconds: '1e9' }, { status: 400, code: 'MalformedInput', message: /integer/ }],
    [
      'more than the role allows',
      { DurationSeconds: '3601' },
      validation('The requested DurationSeconds exceeds the MaxSessionDuration set for this role.'),
    ],
    ['a ProviderId', { ProviderId: 'www.amazon.com' }, invalid('Provided Token is not a Login With Amazon token')],
    [
      'a session policy that is no JSON',
      { Policy: '{' },
      { status: 400, code: 'MalformedPolicyDocument', message: 'Syntax errors in policy.' },
    ],
    [
      'a managed policy of another account',
      { 'PolicyArns.member.1.arn': 'arn:aws:iam::999999999999:policy/x' },
      validation(/not a managed policy/),
    ],
    ['no action', { Action: undefined }, { status: 400, code: 'MissingAction', message: /./ }],
    [
      'an unknown action',
      { Action: 'AssumeRole' },
      { status: 400, code: 'InvalidAction', message: 'Could not find operation AssumeRole for version 2011-06-15' },
    ],
    [
      'another version',
      { Version: '2012-01-01' },
      { status: 400, code: 'InvalidAction', message: /for version 2012-01-01$/ },
    ],
    ['a role that does not exist', { RoleArn: `arn:aws:iam::${account}:role/nobody` }, denied],
    ['the role under another path', { RoleArn: `arn:aws:iam::${account}:role/reader` }, denied],
    [
      'a role of another account',
      { RoleArn: 'arn:aws:iam::999999999999:role/team/reader' },
      invalid(/^No OpenIDConnect provider found in your account for /),
    ],
    [
      'a role of another partition',
      { RoleArn: roleArn.replace('arn:aws:', 'arn:aws-cn:') },
      invalid(/^No OpenIDConnect provider/),
    ],
  ];
  test.each(malformed)('refused: %s', async (_, parameters, refusal) => {
    expectRefusal(await assumeRole(bench, await bench.issuer.token(), parameters), refusal);
  });

  test('a token that is too long is refused and not echoed', async () => {
    const reply = await assumeRole(bench, 'x'.repeat(20_001));
    expectRefusal(reply, validation(/'webIdentityToken' failed to satisfy constraint: Member must have length less/));
    expect(reply.text).not.toContain('xxxx');
  });

  test('accepts session policies within their limits', async () => {
    const policies = {
      Policy: '{"Version":"2012-10-17","Statement":[]}',
      'PolicyArns.member.1.arn': 'arn:aws:iam::aws:policy/ReadOnlyAccess',
    };
    expect((await assumeRole(bench, await bench.issuer.token(), policies)).status).toBe(200);
  });
});

test('a role may allow more than an hour', async () => {
  const arn = `arn:aws:iam::${account}:role/long`;
  const trust_policy = trustPolicy(bench.issuer.url, 'job-7');
  bench.sandbox.aws.createRole({ arn, trust_policy, max_session_duration: 43_200 });
  const reply = await assumeRole(bench, await bench.issuer.token(), { RoleArn: arn, DurationSeconds: '43200' });
  expect(elementOf(reply.text, 'Expiration')).toBe('2026-11-21T12:00:00Z');
});

test('refuses resources that IAM would refuse', () => {
  const { aws } = bench.sandbox;
  const trust_policy = trustPolicy(bench.issuer.url, 'job-7');
  const provider = { account, url: bench.issuer.url, client_ids: ['aws'] };
  const refused: [() => void, string][] = [
    [() => aws.createOpenIdConnectProvider(provider), 'EntityAlreadyExists'],
    [() => aws.createOpenIdConnectProvider({ ...provider, url: 'http://issuer.example' }), 'InvalidInput'],
    [() => aws.createOpenIdConnectProvider({ ...provider, url: 'https://issuer.example/?a' }), 'InvalidInput'],
    [() => aws.createOpenIdConnectProvider({ ...provider, account: '1' }), 'InvalidInput'],
    [() => aws.createRole({ arn: `arn:aws:iam::${account}:role/Reader`, trust_policy }), 'EntityAlreadyExists'],
    [() => aws.createRole({ arn: `arn:aws:iam::${account}:role/new`, trust_policy: '{' }), 'MalformedPolicyDocument'],
    [() => aws.createRole({ arn: `arn:aws:iam::${account}:user/new`, trust_policy }), 'InvalidInput'],
    [
      () => aws.createRole({ arn: `arn:aws:iam::${account}:role/new`, trust_policy, max_session_duration: 60 }),
      'ValidationError',
    ],
  ];
  for (const [create, code] of refused) expect(create).toThrow(expect.objectContaining({ code }));
});
