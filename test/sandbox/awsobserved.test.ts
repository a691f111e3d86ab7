import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { CompactSign } from 'jose';
import { bits, integer, objectId, sequence, tagged, time } from '../../src/sandbox/der.ts';
import { type Answer, isAllowed, type Observation, observations, observedBy } from '../observed/aws.ts';
import { account, assumeRole, type Bench, elementOf, postForm, type Reply, startBench } from './clouds.ts';

/** What real AWS STS answered (docs/cases/aws-facts.md), against the sandbox: code and text. */
interface Keys {
  [alg: string]: { privateKey: KeyObject; jwk: Record<string, unknown> };
}

let bench: Bench;
const keys = makeKeys();
const otherModulus = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' }).n;

beforeAll(async () => {
  bench = await startBench();
  bench.sandbox.aws.createOpenIdConnectProvider({
    account,
    url: bench.issuer.url,
    client_ids: ['client-a', 'client-b'],
  });
});
afterAll(() => bench.close());

function makeKeys(): Keys {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const curves = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' };
  const all: [string, KeyObject][] = [
    ...['RS256', 'RS384', 'RS512'].map((alg): [string, KeyObject] => [alg, rsa]),
    ...Object.entries(curves).map(([alg, namedCurve]): [string, KeyObject] => [
      alg,
      generateKeyPairSync('ec', { namedCurve }).privateKey,
    ]),
  ];
  return Object.fromEntries(
    all.map(([alg, privateKey]) => [
      alg,
      { privateKey, jwk: { ...createPublicKey(privateKey).export({ format: 'jwk' }), kid: alg, alg, use: 'sig' } },
    ]),
  );
}

/** Returns a certificate of the key in base64. Nobody verifies its signature. */
function certify(privateKey: KeyObject): string {
  const algorithm = sequence(objectId('1.2.840.113549.1.1.11'));
  const name = sequence();
  const now = Date.UTC(2026, 0, 1);
  const body = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.from([1])),
    algorithm,
    name,
    sequence(time(now), time(now + 1000)),
    name,
    createPublicKey(privateKey).export({ type: 'spki', format: 'der' }),
  );
  return sequence(body, algorithm, bits(sign('sha256', body, privateKey), 0)).toString('base64');
}

/** Returns the keys that the issuer of the observation publishes. */
function publish(changes: Record<string, unknown>[] | undefined): Record<string, unknown>[] {
  if (changes === undefined) return Object.values(keys).map(({ jwk }) => jwk);
  return changes.flatMap(({ key, ...change }) => {
    const { jwk, privateKey } = keys[key === 'rsa' ? 'RS256' : 'ES256']!;
    const made = { ...jwk, ...change } as Record<string, unknown>;
    if (change.n === 'WRONG') made.n = otherModulus;
    if (change.x5c === 'OWN') made.x5c = [certify(privateKey)];
    const [from, to] = String(made.kid).split('..');
    if (to === undefined) return [made];
    const count = Number(to.replace(/\D/g, '')) + 1;
    return Array.from({ length: count }, (_, index) => ({ ...made, kid: from!.replace(/\d+$/, String(index)) }));
  });
}

const isTime = (name: string) => ['iat', 'nbf', 'exp'].includes(name);

function place(value: string, roleName: string): string {
  return value
    .replaceAll('ISSHOST', bench.issuer.url.replace('http://', ''))
    .replaceAll(/\bISS\b/g, bench.issuer.url)
    .replaceAll('ACCOUNT', account)
    .replaceAll('<NAME IN UPPER CASE>', roleName.toUpperCase());
}

/** Signs the token as the observation describes it, with times from now and with members that stand twice. */
async function makeToken({ input }: Observation): Promise<string> {
  const now = bench.clock.now() / 1000;
  const at = (value: unknown): unknown =>
    typeof value === 'number'
      ? now + value
      : typeof value === 'object' && value !== null && 'string' in value
        ? String(now + (value.string as number))
        : value;
  const {
    claims,
    header,
    repeated_members = [],
  } = input as {
    claims: Record<string, unknown>;
    header: Record<string, unknown>;
    repeated_members?: [string, unknown][];
  };
  const members = [...Object.entries(claims), ...repeated_members].map(
    ([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(isTime(name) ? at(value) : value)}`,
  );
  const payload = place(`{${members.join(',')}}`, 'ROLE');
  const { privateKey } = keys[header.alg as string]!;
  return new CompactSign(new TextEncoder().encode(payload))
    .setProtectedHeader(header as { alg: string })
    .sign(privateKey, { crit: { custom: true } });
}

let made = 0;

/** Creates the role of the observation; a role with a trust policy of its own has a name of its own, unless the token names it. */
function makeRole({ input }: Observation): string {
  const trusted = {
    Version: '2012-10-17',
    Statement: {
      Effect: 'Allow',
      Principal: { Federated: 'arn:aws:iam::ACCOUNT:oidc-provider/ISSHOST' },
      Action: ['sts:AssumeRoleWithWebIdentity', 'sts:TagSession', 'sts:SetSourceIdentity'],
    },
  };
  const name = input.role ?? `arn:aws:iam::ACCOUNT:role/ROLE${input.trust === undefined ? '' : made++}`;
  const arn = place(name as string, 'ROLE');
  const trust_policy = place(JSON.stringify(input.trust ?? trusted), 'ROLE');
  if (!roles.has(arn)) bench.sandbox.aws.createRole({ arn, trust_policy, max_session_duration: 7200 });
  roles.add(arn);
  return arn;
}
const roles = new Set<string>();

function compare(reply: Reply, outcome: Answer, iat?: number): void {
  const message = elementOf(reply.text, 'Message')?.replaceAll('&quot;', '"');
  if (outcome === 'allow') expect([reply.status, message]).toEqual([200, undefined]);
  else
    expect({ code: elementOf(reply.text, 'Code'), message }).toEqual({
      code: outcome.code,
      message: outcome.message?.replace('{iat}', String(iat)) ?? expect.any(String),
    });
}

const tokens = observations.filter(({ area }) => area !== 'policy');
test.each(tokens.map((row) => [row.id, row] as const))(
  'AssumeRoleWithWebIdentity answers as AWS does: %s',
  async (_id, row) => {
    // So that the cache of the keys is stale.
    bench.clock.advance(25 * 60 * 60);
    bench.issuer.override['/jwks'] = {
      status: 200,
      body: { keys: publish(row.input.jwks as Record<string, unknown>[]) },
    };
    const {
      session = 'oidc-probe',
      duration = 3600,
      provider_id,
      claims,
    } = row.input as {
      session?: string;
      duration?: number;
      provider_id?: string;
      claims: { iat: number };
    };
    const now = bench.clock.now() / 1000;
    const reply = await assumeRole(bench, await makeToken(row), {
      RoleArn: makeRole(row),
      RoleSessionName: session,
      DurationSeconds: String(duration),
      ProviderId: provider_id,
    });
    compare(reply, row.outcome, now + claims.iat);
    if (row.maps === undefined) return;
    expect({
      subject: elementOf(reply.text, 'SubjectFromWebIdentityToken'),
      audience: elementOf(reply.text, 'Audience'),
      provider: elementOf(reply.text, 'Provider'),
      session_seconds: Date.parse(elementOf(reply.text, 'Expiration')!) / 1000 - now,
      packed_policy_size: Number(elementOf(reply.text, 'PackedPolicySize')),
    }).toEqual(JSON.parse(place(JSON.stringify(row.maps), 'ROLE')));
  },
);

/** GetSessionToken is the same protocol; the sandbox has the parameter on AssumeRoleWithWebIdentity only. */
const durations = observedBy('GetSessionToken DurationSeconds, the same Query protocol');
test.each(durations.map((row) => [row.id, row] as const))(
  'a duration is read as by AWS: %s',
  async (_id, { input, outcome }) => {
    const reply = await postForm(bench.sandbox.aws.endpoint, {
      Action: 'AssumeRoleWithWebIdentity',
      Version: '2011-06-15',
      RoleArn: `arn:aws:iam::${account}:role/ROLE`,
      RoleSessionName: 'oidc-probe',
      WebIdentityToken: 'none',
      DurationSeconds: input.duration_text as string,
    });
    // Parameters are read before the token, which is none.
    const code = elementOf(reply.text, 'Code');
    expect(code).toBe(isAllowed(outcome) ? 'InvalidIdentityToken' : (outcome as { code: string }).code);
  },
);

const create =
  (url: string, number = '444455556666') =>
  () =>
    bench.sandbox.aws.createOpenIdConnectProvider({ account: number, url, client_ids: ['a', 'a'] });
const arnOf = (host: string) => `arn:aws:iam::444455556666:oidc-provider/${host}`;
/** What each observed call is in the sandbox, and what it answers beyond the outcome. */
const providerCalls: Record<string, [call: () => string, arn?: string]> = {
  'provider-create-no-slash-beside-slash': [
    () => {
      create('https://host.example.com/path/')();
      return create('https://host.example.com/path')();
    },
    arnOf('host.example.com/path'),
  ],
  'provider-create-port-443': [create('https://port.example.com:443'), arnOf('port.example.com')],
  'provider-create-fragment': [create('https://host.example.com/#fragment')],
  'provider-create-mixed-case': [create('https://UPPER.example.com/MixedCase'), arnOf('UPPER.example.com/MixedCase')],
};

test.each(observedBy('IAM OIDC provider calls').map((row) => [row.id, row] as const))(
  'a provider is created as by IAM: %s',
  (id, { outcome }) => {
    const [call, arn] = providerCalls[id]!;
    if (isAllowed(outcome)) expect(call()).toBe(arn);
    else expect(call).toThrow(expect.objectContaining(outcome as object));
  },
);
