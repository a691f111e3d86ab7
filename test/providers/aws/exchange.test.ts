import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { chooseEndpoint } from '../../../src/providers/aws/endpoints.ts';
import { aws } from '../../../src/providers/aws/index.ts';
import { settings as schema } from '../../../src/providers/aws/settings.ts';
import { createCalls } from '../../../src/providers/calls.ts';
import type { ExchangeContext } from '../../../src/providers/provider.ts';
import { endpoints, exchangeContext, id, trustFacts } from '../samples.ts';

const noEndpoints = { ...endpoints, aws_sts: [] as string[] };

import { type Stub, startStub } from '../stub.ts';

const { check, exchange, explain, isTransient, describe: describeCredentials } = aws.exchanging!;
const settings = schema.parse({ role_arn: 'arn:aws:iam::111122223333:role/acme/deploy' });
const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtaSJ9.c2ln';

const success = `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult>
    <SubjectFromWebIdentityToken>mi_1:ws_1</SubjectFromWebIdentityToken><Audience>aws</Audience>
    <AssumedRoleUser><Arn>arn:aws:sts::111122223333:assumed-role/deploy/alice</Arn><AssumedRoleId>AROA1:alice</AssumedRoleId></AssumedRoleUser>
    <Credentials><AccessKeyId>ASIAEXAMPLEEXAMPLE00</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken><Expiration>2026-11-21T13:00:00Z</Expiration></Credentials>
  </AssumeRoleWithWebIdentityResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>
</AssumeRoleWithWebIdentityResponse>`;
const refusal = (code: string, message: string) =>
  `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>1</RequestId></ErrorResponse>`;
const noKey = refusal(
  'InvalidIdentityToken',
  'Couldn&apos;t retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements',
);

let stub: Stub;
beforeAll(async () => {
  await aws.exchanging!.load();
  stub = await startStub();
});
afterAll(() => stub.close());
beforeEach(() => {
  stub.heard.length = 0;
  stub.react({ body: success });
});

function context(more: Partial<ExchangeContext> = {}): ExchangeContext {
  return exchangeContext({ endpoints: { ...noEndpoints, aws_sts: [stub.url] }, ...more });
}

function exchangeWithRetries(deadline_ms = 10_000) {
  const calls = createCalls({ deadline_ms, random: () => 0 });
  return calls.run({ type: 'aws', endpoint: 'https://cloud.example', tenant: 'grp_a' }, isTransient, (signal) =>
    exchange(token, settings, context({ signal })),
  );
}

describe('AssumeRoleWithWebIdentity with the SDK', () => {
  test('is one unsigned request with role, session, token and duration', async () => {
    await exchange(token, settings, context());
    expect(stub.heard).toHaveLength(1);
    expect(stub.heard[0]).toMatchObject({ method: 'POST', path: '/' });
    expect(stub.heard[0]!.headers.authorization).toBeUndefined();
    expect(stub.heard[0]!.form).toEqual({
      Action: 'AssumeRoleWithWebIdentity',
      Version: '2011-06-15',
      RoleArn: settings.role_arn,
      RoleSessionName: 'alice',
      WebIdentityToken: token,
      DurationSeconds: '3600',
    });
  });

  test('returns the credentials of the contract, and a description without a secret', async () => {
    const credentials = await exchange(token, settings, context());
    expect(credentials).toEqual({
      type: 'aws',
      access_key_id: 'ASIAEXAMPLEEXAMPLE00',
      secret_access_key: 'secret',
      session_token: 'session',
      expires_at: '2026-11-21T13:00:00.000Z',
      role_arn: settings.role_arn,
      assumed_role_arn: 'arn:aws:sts::111122223333:assumed-role/deploy/alice',
      account_id: '111122223333',
    });
    expect(describeCredentials(credentials)).toEqual({
      role_arn: settings.role_arn,
      assumed_role_arn: 'arn:aws:sts::111122223333:assumed-role/deploy/alice',
      account_id: '111122223333',
    });
  });

  test('N39 always sends a duration: the requested one, or an hour, at most the maximum of the identity', async () => {
    await exchange(token, settings, context({ request: { duration: 900 } }));
    await exchange(token, schema.parse({ ...settings, max_duration: 1800 }), context());
    await exchange(token, schema.parse({ ...settings, max_duration: 43_200 }), context());
    expect(stub.heard.map(({ form }) => form.DurationSeconds)).toEqual(['900', '1800', '3600']);
  });

  test('names the session by login, by id when AWS does not allow the login, by the id of the launcher without a user', async () => {
    const user = { id: id('user'), login: 'a' };
    // The name of a launcher could equal the login or the id of a user.
    const launcher = { id: id('service_account'), name: user.id };
    const bare = context({ user: undefined });
    await exchange(token, settings, context({ user: { ...user, login: 'alice@acme.example' } }));
    await exchange(token, settings, context({ user }));
    await exchange(token, settings, context({ user: undefined, launcher }));
    await exchange(token, settings, bare);
    expect(stub.heard.map(({ form }) => form.RoleSessionName)).toEqual([
      'alice@acme.example',
      user.id,
      launcher.id,
      bare.claims.job_id,
    ]);
  });

  test('sends a session policy without white space', async () => {
    const session_policy = '{\n  "Version": "2012-10-17",\n  "Statement": []\n}';
    await exchange(token, settings, context({ request: { aws: { session_policy } } }));
    expect(stub.heard[0]!.form.Policy).toBe('{"Version":"2012-10-17","Statement":[]}');
  });

  test('fails for an answer without credentials, of another form or too long', async () => {
    const endless = success.replace('secret', ' '.repeat(2 * 1024 * 1024));
    for (const body of ['<AssumeRoleWithWebIdentityResponse/>', '<html>', '', endless]) {
      stub.react({ body });
      await expect(exchange(token, settings, context())).rejects.toThrow();
    }
  });

  test('keeps the code of a Ceph RGW refusal, which is S3 XML', async () => {
    stub.react({
      status: 403,
      body: '<?xml version="1.0"?><Error><Code>AccessDenied</Code><RequestId>tx</RequestId></Error>',
    });
    await expect(exchange(token, settings, context())).rejects.toMatchObject({ Code: 'AccessDenied' });
  });

  test('a refusal of Ceph RGW has an empty message: the error says what RGW does not tell', async () => {
    stub.react({
      status: 403,
      body: '<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message></Message><RequestId>tx</RequestId></Error>',
    });
    const ceph = schema.parse({ role_arn: 'arn:aws:iam::research:role/deploy' });
    const thrown = await exchange(token, ceph, context()).catch((error: unknown) => error);
    const error = explain(thrown, trustFacts(), ceph);
    expect(error.message).toBe('Ceph RGW does not let this token assume arn:aws:iam::research:role/deploy.');
    expect(error.more).toMatchObject({ actual: 'Ceph RGW sent no message', cloud: { code: 'AccessDenied' } });
    expect(error.advice).toContain('Ceph RGW does not say why.');
    expect(error.advice).toMatch(/client ids lack `aws`.*keys of https:.*clock/);
  });
});

describe('tries', () => {
  test('F11 a failure of AWS to fetch the keys is tried three times at most', async () => {
    stub.react({ status: 400, body: noKey }, { body: success });
    await expect(exchangeWithRetries()).resolves.toMatchObject({ type: 'aws' });
    expect(stub.heard).toHaveLength(2);
    stub.react({ status: 400, body: noKey });
    await expect(exchangeWithRetries()).rejects.toMatchObject({ Code: 'InvalidIdentityToken' });
    expect(stub.heard).toHaveLength(5);
  });

  test.each([
    ['500', { status: 500, body: refusal('InternalFailure', 'x') }],
    ['503 without a body', { status: 503, body: '' }],
    ['429', { status: 429, body: refusal('Throttling', 'Rate exceeded') }],
    ['400 Throttling', { status: 400, body: refusal('Throttling', 'Rate exceeded') }],
    ['IDPCommunicationError', { status: 400, body: refusal('IDPCommunicationError', 'x') }],
    ['a dropped connection', 'drop'],
  ] as const)('F11 %s: three tries', async (_name, reaction) => {
    stub.react(reaction);
    await expect(exchangeWithRetries()).rejects.toThrow();
    expect(stub.heard).toHaveLength(3);
  });

  test.each([
    ['AccessDenied', 403],
    ['InvalidIdentityToken', 400],
    ['ExpiredTokenException', 400],
    ['ValidationError', 400],
  ])('%s: one try', async (code, status) => {
    stub.react({ status, body: refusal(code, 'no') });
    await expect(exchangeWithRetries()).rejects.toMatchObject({ Code: code });
    expect(stub.heard).toHaveLength(1);
  });

  test('F10 an STS that never answers gives cloud_timeout at the deadline, and its connection is closed', async () => {
    stub.react('hang');
    await expect(exchangeWithRetries(60)).rejects.toMatchObject({ code: 'cloud_timeout' });
    expect(stub.heard).toHaveLength(1);
    await stub.hungUp();
  });
});

describe('N29 where the token goes', () => {
  test('environment variables have no effect', async () => {
    const trap = await startStub();
    const { env } = process;
    const saved = { ...env };
    const home = '/nonexistent';
    Object.assign(env, {
      AWS_ENDPOINT_URL: trap.url,
      AWS_ENDPOINT_URL_STS: trap.url,
      AWS_USE_FIPS_ENDPOINT: 'true',
      AWS_USE_DUALSTACK_ENDPOINT: 'true',
      AWS_REGION: 'xx-evil-1',
      AWS_PROFILE: 'nobody',
      AWS_CONFIG_FILE: home,
      AWS_MAX_ATTEMPTS: '9',
      AWS_ACCESS_KEY_ID: 'AKIAAMBIENT',
      AWS_SECRET_ACCESS_KEY: 'ambient',
      HTTP_PROXY: trap.url,
      HTTPS_PROXY: trap.url,
    });
    try {
      await exchange(token, settings, context());
    } finally {
      for (const name of Object.keys(env)) if (!Object.hasOwn(saved, name)) delete env[name];
      Object.assign(env, saved);
      await trap.close();
    }
    expect(trap.heard).toEqual([]);
    expect(stub.heard).toHaveLength(1);
    expect(stub.heard[0]!.headers.authorization).toBeUndefined();
  });

  test('a redirect is not followed', async () => {
    const trap = await startStub();
    for (const status of [301, 302, 307, 308]) {
      stub.react({ status, headers: { location: trap.url }, body: '' });
      await expect(exchange(token, settings, context())).rejects.toThrow();
    }
    expect(trap.heard).toEqual([]);
    await trap.close();
  });

  const role = (arn: string, more: object = {}) => schema.parse({ role_arn: arn, ...more });
  const own: [string, ReturnType<typeof role>, string][] = [
    ['aws', settings, 'https://sts.us-east-1.amazonaws.com'],
    ['a region', role(settings.role_arn, { region: 'eu-central-1' }), 'https://sts.eu-central-1.amazonaws.com'],
    ['China', role('arn:aws-cn:iam::111122223333:role/x'), 'https://sts.cn-north-1.amazonaws.com.cn'],
    ['GovCloud', role('arn:aws-us-gov:iam::111122223333:role/x'), 'https://sts.us-gov-west-1.amazonaws.com'],
    ['the European cloud', role('arn:aws-eusc:iam::111122223333:role/x'), 'https://sts.eusc-de-east-1.amazonaws.eu'],
  ];
  test.each(own)('the AWS endpoint of the partition: %s', (_name, settings, url) => {
    expect(chooseEndpoint(settings, noEndpoints).url).toBe(url);
  });

  test('the endpoint of an identity must be listed by the operator; the first listed one is the default', () => {
    const listed = { ...noEndpoints, aws_sts: ['https://rgw.example.com', 'https://minio.example.com'] };
    expect(chooseEndpoint(settings, listed).url).toBe('https://rgw.example.com');
    const named = role(settings.role_arn, { sts_endpoint: 'https://minio.example.com' });
    expect(chooseEndpoint(named, listed).url).toBe('https://minio.example.com');
    for (const sts_endpoint of [
      'https://evil.example.com',
      'https://minio.example.com.evil.example',
      'https://RGW.example.com'.toLowerCase().replace('rgw', 'rgw2'),
    ]) {
      const free = role(settings.role_arn, { sts_endpoint });
      expect(() => chooseEndpoint(free, listed)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
      expect(() => check(free, {}, listed)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
    }
    expect(() => check(named, {}, noEndpoints)).toThrow(/does not list/);
    expect(() => chooseEndpoint(role('arn:aws:iam:::role/x'), noEndpoints)).toThrow(/lists no STS endpoint/);
    expect(() => chooseEndpoint(role('arn:minio:iam:::role/x'), noEndpoints)).toThrow(/lists no STS endpoint/);
  });

  test('an unlisted endpoint gets no request', async () => {
    const trap = await startStub();
    const free = role(settings.role_arn, { sts_endpoint: trap.url });
    await expect(exchange(token, free, context())).rejects.toMatchObject({ code: 'invalid_request' });
    expect(trap.heard).toEqual([]);
    await trap.close();
  });

  test.each(['us-east-1.evil.com', 'us-east-1/', 'US-EAST-1', 'us-east-1 ', 'x', '', 'cn-north-1'])(
    'refuses the region %s for the role',
    (region) => {
      expect(schema.safeParse({ role_arn: settings.role_arn, region }).error?.issues[0]?.path).toEqual(['region']);
    },
  );
});

describe('N39 requests refused before a token is made', () => {
  test.each([899, 3601, 43_201, 0, -900, 900.5, Number.NaN, Number.POSITIVE_INFINITY])(
    'the duration %p',
    (duration) => {
      expect(() => check(settings, { duration })).toThrow(
        expect.objectContaining({
          code: 'invalid_request',
          more: { fields: [expect.objectContaining({ pointer: '/duration' })] },
        }),
      );
    },
  );

  test.each([900, 3600, undefined])('allowed: the duration %p', (duration) => {
    expect(() => check(settings, { duration })).not.toThrow();
  });

  test.each(['', 'no json', '[]', '{"a":1,"a":2}', `{"a":"${'x'.repeat(2048)}"}`, '{"a":"\u20ac"}'])(
    'the session policy %p',
    (session_policy) => {
      expect(() => check(settings, { aws: { session_policy } })).toThrow(
        expect.objectContaining({ more: { fields: [expect.objectContaining({ pointer: '/aws/session_policy' })] } }),
      );
    },
  );
});

describe('settings', () => {
  test.each([
    'arn:aws:iam::111122223333:role/x',
    'arn:aws:iam::111122223333:role/a/b/x',
    'arn:aws-cn:iam::111122223333:role/x',
    'arn:aws-iso-f:iam::111122223333:role/x',
    'arn:aws:iam:::role/x',
    'arn:minio:iam:::role/x',
  ])('accept the role %s', (role_arn) => {
    expect(schema.safeParse({ role_arn }).success).toBe(true);
  });

  test.each([
    'arn:aws:iam::1:role/x',
    'arn:aws:iam::111122223333:user/x',
    'arn:aws:sts::111122223333:assumed-role/x/y',
    'arn:evil:iam::111122223333:role/x',
    ' arn:aws:iam::111122223333:role/x',
    'arn:aws:iam::111122223333:role/x\n',
  ])('refuse the role %p', (role_arn) => {
    expect(schema.safeParse({ role_arn }).error?.issues[0]?.message).toContain(
      'arn:aws:iam::123456789012:role/acme/deploy',
    );
  });

  test.each(['sub', 'AUD', 'client_id', 'clientId', 'azp', 'App_Id', 'aws:x'])('refuse the tag key %s', (key) => {
    const parsed = schema.safeParse({ ...settings, session_tags: { [key]: 'stage' } });
    expect(parsed.error?.issues[0]?.message).toContain(JSON.stringify(key));
  });

  test('refuse tag keys that differ only by case, transitive keys that are not tags, and 51 tags', () => {
    const tags = (session_tags: object, transitive_tag_keys?: string[]) =>
      schema.safeParse({ ...settings, session_tags, transitive_tag_keys }).success;
    expect(tags({ a: 'stage' }, ['a'])).toBe(true);
    expect(tags({ a: 'stage', A: 'group' })).toBe(false);
    expect(tags({ a: 'stage' }, ['b'])).toBe(false);
    expect(tags(Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`t${n}`, 'stage'])))).toBe(false);
  });
});
