import { createHmac, createPublicKey } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { exportJWK, FlattenedSign, generateKeyPair, SignJWT } from 'jose';
import { ArsiaError } from '../../../src/core/errors.ts';
import { createIssuerKeys } from '../../../src/signing/outside/documents.ts';
import { createDocumentFetch } from '../../../src/signing/outside/fetch.ts';
import { createOutsideVerifier, type OutsideVerifier, readClaimedIssuer } from '../../../src/signing/outside/verify.ts';
import { type Issuer, makeClock, makeKey, startIssuer, type TestClock } from '../../sandbox/issuer.ts';

let clock: TestClock;
let issuer: Issuer;
let verifier: OutsideVerifier;

beforeAll(async () => {
  clock = makeClock();
  issuer = await startIssuer(clock, '/tenant');
  await issuer.addKey('rsa', 'RS256');
  await issuer.addKey('ec', 'ES256');
});
afterAll(() => issuer.close());
beforeEach(() => {
  const keys = createIssuerKeys({ fetch: createDocumentFetch({ allowLoopback: true }), clock });
  verifier = createOutsideVerifier({ keys, clock });
});

const now = () => Math.floor(clock.now() / 1000);
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const verify = (token: string) => verifier.verify(token, issuer.url, 'acme');

async function refusal(token: string): Promise<string> {
  const thrown = await verify(token).catch((error: unknown) => error);
  if (!(thrown instanceof ArsiaError)) return 'accepted';
  expect(thrown.code).toBe('outside_token_refused');
  const words = `${thrown.message} ${thrown.advice}`;
  for (const part of token.split('.')) if (part.length > 20) expect(words).not.toContain(part);
  return thrown.message;
}

describe('a token of an outside issuer', () => {
  test.each(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512'])(
    'is verified by its keys: %s',
    async (alg) => {
      const key = issuer.keys.find((one) => one.alg === alg) ?? (await issuer.addKey(`key-${alg}`, alg));
      const token = await issuer.token({ repository: 'acme/app' }, { key });
      expect(await verify(token)).toMatchObject({ iss: issuer.url, sub: 'job-7', repository: 'acme/app' });
    },
  );

  test('may lack typ, as in Kubernetes, and kid where one key fits', async () => {
    const { privateKey } = issuer.keys[0]!;
    const sign = (header: Record<string, unknown>) => {
      const claims = { iss: issuer.url, sub: 'a', aud: 'b', iat: now(), exp: now() + 60 };
      return new SignJWT(claims).setProtectedHeader({ alg: 'RS256', ...header }).sign(privateKey);
    };
    expect(await verify(await sign({ kid: 'rsa' }))).toMatchObject({ sub: 'a' });
    expect(await verify(await sign({}))).toMatchObject({ sub: 'a' });
    expect(await verify(await sign({ typ: 'jwt', kid: 'rsa' }))).toMatchObject({ sub: 'a' });
  });

  test('shows its unverified issuer without a key', async () => {
    expect(readClaimedIssuer(await issuer.token())).toBe(issuer.url);
  });

  test('with a new key is accepted once the key is fetched', async () => {
    await verify(await issuer.token());
    const key = await issuer.addKey('later');
    const token = await issuer.token({}, { key });
    expect(await refusal(token)).toMatch(/no key for the kid/);
    clock.advance(60);
    expect(await verify(token)).toMatchObject({ sub: 'job-7' });
  });
});

describe('a token of an outside issuer is refused', () => {
  test('N1 without a signature, in any spelling of none', async () => {
    const [, payload] = (await issuer.token()).split('.');
    for (const alg of ['none', 'NoNe', 'nOnE', 'RS256'])
      expect(await refusal(`${encode({ alg, kid: 'rsa' })}.${payload}.`)).toMatch(/not a signed JWT/);
    for (const alg of ['none', 'NoNe', 'nOnE'])
      expect(await refusal(`${encode({ alg, kid: 'rsa' })}.${payload}.AAAA`)).toMatch(/signed by none of/);
  });

  test('N2 with a MAC under the public key, its JWK or an empty secret', async () => {
    const [, payload] = (await issuer.token()).split('.');
    const { jwk } = issuer.keys[0]!;
    const pem = createPublicKey({ key: jwk as never, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
    for (const secret of [pem, JSON.stringify(jwk), ''])
      for (const alg of ['HS256', 'RS256']) {
        const input = `${encode({ alg, kid: 'rsa', typ: 'JWT' })}.${payload}`;
        const signature = createHmac('sha256', secret).update(input).digest('base64url');
        expect(await refusal(`${input}.${signature}`)).toMatch(
          alg === 'HS256' ? /signed by none of/ : /signature of the subject token is not valid/,
        );
      }
  });

  test('N3 with another algorithm than that of its key', async () => {
    const [rsa, ec] = issuer.keys as [(typeof issuer.keys)[0], (typeof issuer.keys)[0]];
    for (const key of [
      { ...rsa!, kid: 'ec' },
      { ...ec!, kid: 'rsa' },
    ])
      expect(await refusal(await issuer.token({}, { key }))).toMatch(/no key for the kid/);
    const { privateKey } = await makeKey('x', 'PS256');
    expect(await refusal(await issuer.token({}, { key: { ...rsa!, alg: 'PS256', privateKey } }))).toMatch(/no key/);
  });

  test('with another key under the same kid', async () => {
    const { privateKey } = await makeKey('rsa');
    expect(await refusal(await issuer.token({}, { key: { ...issuer.keys[0]!, privateKey } }))).toMatch(
      /signature of the subject token is not valid/,
    );
  });

  test('N5 N6 with a key or key URL of its own, which is never fetched', async () => {
    let hits = 0;
    const server = createServer((_request, response) => {
      hits++;
      response.end('{}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const place = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
    const attacker = await generateKeyPair('RS256', { extractable: true });
    const jwk = await exportJWK(attacker.publicKey);
    for (const header of [{ jku: place }, { x5u: place }, { jwk }, { x5c: ['MIIB'] }])
      for (const privateKey of [attacker.privateKey, issuer.keys[0]!.privateKey]) {
        const key = { ...issuer.keys[0]!, privateKey };
        expect(await refusal(await issuer.token({}, { key, header }))).toMatch(/contains a key or the URL of one/);
      }
    expect(hits).toBe(0);
    server.close();
  });

  test('N7 when it is no canonical JWT of plain JSON', async () => {
    const good = await issuer.token();
    const [header, payload, signature] = good.split('.') as [string, string, string];
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
    const twice = `${JSON.stringify(claims).slice(0, -1)},"sub":"admin"}`;
    const escaped = `${JSON.stringify(claims).slice(0, -1)},"s\\u0075b":"admin"}`;
    const raw = (bytes: string | Buffer) => `${header}.${Buffer.from(bytes).toString('base64url')}.${signature}`;
    const tail = signature.slice(0, -1) + String.fromCharCode(signature.charCodeAt(signature.length - 1) + 1);
    for (const token of [
      '',
      'x',
      '.'.repeat(10_000),
      `${good}.${header}.${payload}`,
      `${header}.${payload}`,
      `${good} `,
      ` ${good}`,
      `${good}=`,
      `${header}.${payload}.${tail}`,
      raw(twice),
      raw(escaped),
      raw(Buffer.from('{"iss":"\xff"}', 'latin1')),
      raw('[]'),
      raw('"text"'),
      raw('{'),
      raw('['.repeat(14_000)),
      raw(`{"a":${'['.repeat(7_000)}${']'.repeat(7_000)}}`),
      `${good}${'A'.repeat(5_000_000)}`,
    ])
      expect([token.slice(0, 60), await refusal(token)]).toEqual([
        token.slice(0, 60),
        expect.not.stringMatching('accepted'),
      ]);
    for (const token of [raw(twice), raw(escaped), `${header}.${payload}.${tail}`])
      expect(await refusal(token)).toMatch(/not a signed JWT/);
  });

  test('N7 with an unterminated string, in linear time', () => {
    const endless = Buffer.from('"\\'.repeat(7_400)).toString('base64url');
    const { user } = process.cpuUsage();
    for (let tries = 0; tries < 20; tries++)
      expect(() => readClaimedIssuer(`eyJhbGciOiJSUzI1NiJ9.${endless}.AAAA`)).toThrow(/not a signed JWT/);
    // Microseconds of the processor, whatever else the machine does; 50 ms for each would be 1 s.
    expect(process.cpuUsage().user - user).toBeLessThan(400_000);
  });

  test('N7 when it is longer than 20,000 characters', async () => {
    expect(await refusal(await issuer.token({ long: 'x'.repeat(20_000) }))).toMatch(/of at most 20000 characters/);
    expect(await refusal(await issuer.token({ long: 'x'.repeat(14_000) }))).toBe('accepted');
  });

  test('N9 without a mandatory claim', async () => {
    for (const claim of ['aud', 'exp', 'iat'])
      expect(await refusal(await issuer.token({ [claim]: undefined }))).toMatch(
        `The ${claim} of the subject token is missing`,
      );
    for (const claim of ['exp', 'iat', 'nbf'])
      expect(await refusal(await issuer.token({ [claim]: '1' }))).toBe(
        `The ${claim} of the subject token is "1"; it must be whole seconds since 1970.`,
      );
    for (const change of [{ sub: undefined }, { sub: '' }, { sub: 7 }, { sub: null }, { jti: 7 }, { jti: '' }])
      expect(await refusal(await issuer.token(change))).toMatch(/not a string/);
    const nobodys = await issuer.token({ iss: undefined });
    expect(() => readClaimedIssuer(nobodys)).toThrow(/no iss/);
    expect(await refusal(nobodys)).toMatch(/of another issuer/);
  });

  test('N10 with an issuer that differs slightly', async () => {
    const { url } = issuer;
    for (const iss of [
      `${url}/`,
      url.toUpperCase(),
      url.replace('http', 'https'),
      url.slice(0, -1),
      `${url}x`,
      'tenant',
    ])
      expect(await refusal(await issuer.token({ iss }))).toMatch(/of another issuer/);
  });

  test.each([
    ['exp', { exp: -59 }, 'accepted'],
    ['exp', { exp: -60 }, /has expired/],
    ['exp', { exp: -61 }, /has expired/],
    ['nbf', { nbf: 8 }, 'accepted'],
    ['nbf', { nbf: 60 }, 'accepted'],
    ['nbf', { nbf: 61 }, /The nbf of .* must be at most/],
    ['iat', { iat: 8 }, 'accepted'],
    ['iat', { iat: 60 }, 'accepted'],
    ['iat', { iat: 61 }, /The iat of .* must be at most/],
    ['life', { iat: 0, exp: 7 * 86_400 }, 'accepted'],
    ['life', { iat: 0, exp: 7 * 86_400 + 1 }, /at most 604800 s after its iat/],
  ])('N14 exactly at the limit of its %s: %j', async (_claim, change, expected) => {
    const offsets = { iat: -600, ...change };
    const times = Object.fromEntries(Object.entries(offsets).map(([name, offset]) => [name, now() + offset]));
    expect(await refusal(await issuer.token(times))).toMatch(expected);
  });

  test('N19 with the typ of another kind of token', async () => {
    for (const typ of ['at+jwt', 'application/at+jwt', 'logout+jwt', 'dpop+jwt', '', 7, null])
      expect(await refusal(await issuer.token({}, { header: { typ } }))).toMatch(/its typ is not JWT/);
  });

  test('with an unknown crit', async () => {
    const { privateKey } = issuer.keys[0]!;
    const claims = { iss: issuer.url, sub: 'a', aud: 'b', iat: now(), exp: now() + 60 };
    const header = { alg: 'RS256', kid: 'rsa', crit: ['x'], x: 1 };
    const token = await new SignJWT(claims).setProtectedHeader(header).sign(privateKey, { crit: { x: true } });
    expect(await refusal(token)).toMatch(/has a crit/);
  });

  test('with a payload that is not encoded (RFC 7797)', async () => {
    const { privateKey } = issuer.keys[0]!;
    const claims = encode({ iss: issuer.url, sub: 'a', aud: 'b', iat: now(), exp: now() + 60 });
    const header = { alg: 'RS256', kid: 'rsa', crit: ['b64'], b64: false };
    const signed = await new FlattenedSign(Buffer.from(claims)).setProtectedHeader(header).sign(privateKey);
    expect(await refusal(`${signed.protected}.${claims}.${signed.signature}`)).toMatch(/has a crit/);
  });

  test('without a kid where several keys fit', async () => {
    await issuer.addKey('rsa-2', 'RS256');
    const token = await issuer.token({}, { header: { kid: undefined } });
    expect(await refusal(token)).toMatch(/several keys/);
  });
});
