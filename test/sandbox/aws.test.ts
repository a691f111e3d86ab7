import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CompactSign } from 'jose';
import { denied, expectRefusal, invalid, noKey, notValidated, type Refusal } from './awsrefusals.ts';
import { account, assumeRole, type Bench, elementOf, pasteAws, roleArn, startBench, trustPolicy } from './clouds.ts';
import { makeKey, start, type TokenOptions } from './issuer.ts';

let bench: Bench;

beforeAll(async () => {
  bench = await startBench();
  pasteAws(bench);
});
afterAll(() => bench.close());

const now = start / 1000;
const rolesClaim = 'https://aws.amazon.com/roles';
const tagsClaim = 'https://aws.amazon.com/tags';
const sourceIdentityClaim = 'https://aws.amazon.com/source_identity';

test('AssumeRoleWithWebIdentity answers the XML of cloud-facts 1.2', async () => {
  const reply = await assumeRole(bench, await bench.issuer.token());
  expect(reply.status).toBe(200);
  expect(reply.text).toMatch(
    /^<AssumeRoleWithWebIdentityResponse xmlns="https:\/\/sts.amazonaws.com\/doc\/2011-06-15\/"><AssumeRoleWithWebIdentityResult>/,
  );
  expect(elementOf(reply.text, 'SubjectFromWebIdentityToken')).toBe('job-7');
  expect(elementOf(reply.text, 'Audience')).toBe('aws');
  expect(elementOf(reply.text, 'Provider')).toBe(
    `arn:aws:iam::${account}:oidc-provider/${bench.issuer.url.replace('http://', '')}`,
  );
  expect(elementOf(reply.text, 'PackedPolicySize')).toBe('25');
  expect(elementOf(reply.text, 'Arn')).toBe(`arn:aws:sts::${account}:assumed-role/reader/ada`);
  expect(elementOf(reply.text, 'AssumedRoleId')).toMatch(/^AROA[A-Z2-7]{16}:ada$/);
  expect(elementOf(reply.text, 'AccessKeyId')).toMatch(/^ASIA[A-Z2-7]{16}$/);
  expect(elementOf(reply.text, 'SecretAccessKey')).toMatch(/^[A-Za-z0-9+/]{40}$/);
  expect(elementOf(reply.text, 'SessionToken')!.length).toBeGreaterThan(300);
  expect(elementOf(reply.text, 'Expiration')).toBe('2026-11-21T01:00:00Z');
  expect(elementOf(reply.text, 'RequestId')).toMatch(/^[0-9a-f-]{36}$/);
});

test('returns claims as text and never as XML', async () => {
  const reply = await assumeRole(bench, await bench.issuer.token({ iss: 'https://a/<b>&"\u0000' }));
  expect(reply.text).toContain('in your account for https://a/&lt;b&gt;&amp;&quot;\ufffd</Message>');
});

test('responds to the same request by GET in the same way', async () => {
  const query = new URLSearchParams({
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: roleArn,
    RoleSessionName: 'ada',
    WebIdentityToken: await bench.issuer.token(),
    DurationSeconds: '900',
  });
  const response = await fetch(`${bench.sandbox.aws.endpoint}/?${query}`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/xml');
  expect(elementOf(await response.text(), 'Expiration')).toBe('2026-11-21T00:15:00Z');
});

describe('tokens', () => {
  const accepted: [string, Record<string, unknown>, TokenOptions?][] = [
    ['no nbf', { nbf: undefined }],
    ['expired by less than 5 minutes', { exp: now - 299 }],
    ['issued within the next 5 minutes', { iat: now + 299, nbf: now + 299 }],
    ['the role in the roles claim, as string', { [rolesClaim]: roleArn }],
    ['the role among others in the roles claim', { [rolesClaim]: ['arn:aws:iam::1:role/x', roleArn] }],
    ['exp as digits in a string', { exp: String(now + 60) }],
    ['no kid where one key is published', {}, { header: { kid: undefined } }],
    ['typ at+jwt, which AWS does not look at', {}, { header: { typ: 'at+jwt' } }],
  ];
  test.each(accepted)('accepted: %s', async (_, claims, options = {}) => {
    expect((await assumeRole(bench, await bench.issuer.token(claims, options))).status).toBe(200);
  });

  const refused: [string, Record<string, unknown>, Refusal, TokenOptions?][] = [
    [
      'N10 another issuer',
      { iss: 'https://elsewhere.example' },
      invalid('No OpenIDConnect provider found in your account for https://elsewhere.example'),
    ],
    ['N9 an unknown audience', { aud: 'AWS' }, invalid(notValidated)],
    [
      'N9 two audiences without azp',
      { aud: ['aws', 'other'] },
      invalid(/^Token audience contains more than one audience/),
    ],
    ['azp that is no known audience', { azp: 'stranger' }, invalid(notValidated)],
    ['azp that is another known audience than the policy names', { azp: 'other' }, denied],
    ['an audience that the provider knows and the policy does not', { aud: 'other' }, denied],
    ['another subject', { sub: 'job-8' }, denied],
    ['a subject that differs by case', { sub: 'Job-7' }, denied],
    ['no iss', { iss: undefined }, invalid('Missing a required claim: iss')],
    ['no sub', { sub: undefined }, invalid('Missing a required claim: sub')],
    ['no aud', { aud: undefined }, invalid('Missing a required claim: aud')],
    ['no iat', { iat: undefined }, invalid('Missing a required claim: iat')],
    ['no exp', { exp: undefined }, invalid('Missing a required claim: exp')],
    ['a null sub', { sub: null }, { status: 500, code: 'InternalFailure', message: /./ }],
    ['fractional exp', { exp: now + 60.5 }, invalid('Invalid timestamp in token claims.')],
    ['fractional iat', { iat: now - 0.5 }, invalid('Invalid timestamp in token claims.')],
    ['exp as words', { exp: 'tomorrow' }, invalid('Invalid timestamp in token claims.')],
    [
      'N14 expired by 5 minutes',
      { exp: now - 300 },
      {
        status: 400,
        code: 'ExpiredTokenException',
        message: `Token expired: current date/time ${now - 300} must be before the expiration date/time ${now - 300}`,
      },
    ],
    ['N14 issued in more than 5 minutes', { iat: now + 301 }, invalid(`Token issued in the future: ${now + 301}`)],
    ['N14 valid in more than 5 minutes', { nbf: now + 301 }, invalid(/^The token is not valid before/)],
    [
      'a roles claim without the role, before the trust policy',
      { sub: 'job-8', [rolesClaim]: [`${roleArn}x`] },
      invalid('The target role ARN is not present in the roles claim of the identity token'),
    ],
    ['tags that the trust policy does not permit', { [tagsClaim]: { principal_tags: { team: ['cfd'] } } }, denied],
    ['a source identity that the trust policy does not permit', { [sourceIdentityClaim]: 'ada' }, denied],
    [
      'a malformed source identity',
      { [sourceIdentityClaim]: 'aws:ada' },
      invalid('The source_identity claim is malformed.'),
    ],
    [
      'a tag value that is no array',
      { [tagsClaim]: { principal_tags: { team: 'cfd' } } },
      invalid('principal_tags passed in claim is not in correct format.'),
    ],
    [
      'tag keys that differ by case',
      { [tagsClaim]: { principal_tags: { team: ['a'], Team: ['b'] } } },
      invalid('The tags claim has keys that differ by case only.'),
    ],
    [
      '51 tags',
      { [tagsClaim]: { principal_tags: Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`t${i}`, ['x']])) } },
      invalid('The tags claim has more than 50 tags.'),
    ],
    ['an unknown kid', {}, invalid(noKey), { header: { kid: 'k9' } }],
  ];
  test.each(refused)('refused: %s', async (_, claims, refusal, options = {}) => {
    expectRefusal(await assumeRole(bench, await bench.issuer.token(claims, options)), refusal);
  });

  test('N1 refused: alg none, and text that is not a JWT', async () => {
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = { iss: bench.issuer.url, sub: 'job-7', aud: 'aws', iat: now, exp: now + 60 };
    const none = `${encode({ alg: 'none', kid: 'k1' })}.${encode(claims)}.`;
    expectRefusal(await assumeRole(bench, none), invalid(/^The signature algorithm of the token is none of/));
    expectRefusal(await assumeRole(bench, 'not.a.jwt'), invalid(/^The ID Token provided is not a valid JWT/));
  });

  test('N2 refused: HS256 by the public key, and a key of the same kid that is not published', async () => {
    const { jwk } = bench.issuer.keys[0]!;
    const payload = Buffer.from(
      JSON.stringify({ iss: bench.issuer.url, sub: 'job-7', aud: 'aws', iat: now, exp: now + 60 }),
    );
    const forged = await new CompactSign(payload)
      .setProtectedHeader({ alg: 'HS256', kid: 'k1' })
      .sign(new TextEncoder().encode(JSON.stringify(jwk)));
    expectRefusal(await assumeRole(bench, forged), invalid(/^The signature algorithm/));
    const stranger = await makeKey('k1');
    expectRefusal(await assumeRole(bench, await bench.issuer.token({}, { key: stranger })), invalid(notValidated));
  });

  test('N6 refused: a token that carries its own key', async () => {
    const stranger = await makeKey('k1');
    const token = await bench.issuer.token({}, { key: stranger, header: { jwk: stranger.jwk } });
    expectRefusal(await assumeRole(bench, token), invalid(/could not be validated/));
  });

  test('a changed payload is refused', async () => {
    const [header, , signature] = (await bench.issuer.token({ sub: 'job-8' })).split('.');
    const payload = (await bench.issuer.token()).split('.')[1];
    expectRefusal(await assumeRole(bench, `${header}.${payload}.${signature}`), invalid(/could not be validated/));
  });

  test('accepts ES256 and RS512, and refuses EdDSA', async () => {
    for (const alg of ['ES256', 'RS512']) {
      const key = await bench.issuer.addKey(`k-${alg}`, alg);
      expect((await assumeRole(bench, await bench.issuer.token({}, { key }))).status).toBe(200);
    }
    const key = await bench.issuer.addKey('k-ed', 'EdDSA');
    expectRefusal(await assumeRole(bench, await bench.issuer.token({}, { key })), invalid(/^The signature algorithm/));
  });
});

describe('published keys', () => {
  test.each([
    ['key_ops', { key_ops: ['verify'] }, notValidated],
    ['use enc', { use: 'enc' }, noKey],
    ['x5c of another key', { x5c: ['MIIB'] }, noKey],
  ])('verifies nothing with a key with %s', async (name, member, message) => {
    const key = await bench.issuer.addKey(`bad-${name}`);
    Object.assign(key.jwk, member);
    expectRefusal(await assumeRole(bench, await bench.issuer.token({}, { key })), invalid(message));
  });

  test('the alg of a key is not compared', async () => {
    const key = await bench.issuer.addKey('k-alg');
    key.jwk.alg = 'RS512';
    expect((await assumeRole(bench, await bench.issuer.token({}, { key }))).status).toBe(200);
  });

  test('a token without kid is refused where several keys are published', async () => {
    await bench.issuer.addKey('k-second');
    bench.clock.advance(25 * 60 * 60);
    expectRefusal(
      await assumeRole(bench, await bench.issuer.token({}, { header: { kid: undefined } })),
      invalid(noKey),
    );
  });

  test('uses the later of two keys with one kid', async () => {
    await bench.issuer.addKey('twin');
    const later = await bench.issuer.addKey('twin');
    expect((await assumeRole(bench, await bench.issuer.token({}, { key: later }))).status).toBe(200);
  });
});

test('tags and source identity pass where the trust policy permits them', async () => {
  const { sandbox, issuer } = bench;
  const arn = `arn:aws:iam::${account}:role/tagged`;
  const Action = ['sts:AssumeRoleWithWebIdentity', 'sts:TagSession', 'sts:SetSourceIdentity'];
  sandbox.aws.createRole({ arn, trust_policy: trustPolicy(issuer.url, 'job-7', { Action }) });
  const token = await issuer.token({
    [tagsClaim]: { principal_tags: { team: ['cfd'] }, transitive_tag_keys: ['team'] },
    [sourceIdentityClaim]: 'ada',
  });
  const reply = await assumeRole(bench, token, { RoleArn: arn });
  expect(reply.status).toBe(200);
  expect(elementOf(reply.text, 'SourceIdentity')).toBe('ada');
});
