import { generateKeyPairSync } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { ArsiaError } from '../../../src/core/errors.ts';
import { createIssuerKeys, type IssuerKeys } from '../../../src/signing/outside/documents.ts';
import type { FetchedDocument } from '../../../src/signing/outside/fetch.ts';
import { readUsableKeys } from '../../../src/signing/outside/keys.ts';
import { makeClock, type TestClock } from '../../sandbox/issuer.ts';

const issuer = 'https://id.example';
const ec = (kid: string, namedCurve = 'P-256') => ({
  ...generateKeyPairSync('ec', { namedCurve }).publicKey.export({ format: 'jwk' }),
  kid,
});

let clock: TestClock;
let keys: IssuerKeys;
/** What the issuer answers, or throws. */
let world: { discovery: unknown; jwks: unknown; age: number | undefined; fault: ArsiaError | undefined };
let asked: string[];

beforeEach(() => {
  clock = makeClock();
  asked = [];
  world = {
    discovery: { issuer, jwks_uri: 'https://keys.example/jwks' },
    jwks: { keys: [ec('one')] },
    age: undefined,
    fault: undefined,
  };
  const fetch = async (url: string): Promise<FetchedDocument> => {
    asked.push(url);
    await new Promise((resolve) => setImmediate(resolve));
    if (world.fault !== undefined) throw world.fault;
    return { body: url.endsWith('/jwks') ? world.jwks : world.discovery, maximum_age: world.age };
  };
  keys = createIssuerKeys({ fetch, clock });
});

const find = (kid: string | undefined = 'one', of = issuer, asker = 'acme') => keys.find(of, kid, asker);
const faultOf = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: ArsiaError) => error,
  );
const away = new ArsiaError('issuer_unavailable', 'away');

describe('the documents of an issuer', () => {
  test('are fetched once, first discovery and then the keys that it names', async () => {
    await Promise.all(Array.from({ length: 50 }, () => find()));
    await find();
    expect(asked).toEqual([`${issuer}/.well-known/openid-configuration`, 'https://keys.example/jwks']);
  });

  test.each([
    [undefined, 300],
    [0, 60],
    [7, 60],
    [600, 600],
    [999_999, 3600],
  ])('with a max-age of %p are kept for %i s', async (age, kept) => {
    world.age = age;
    await find();
    clock.advance(kept - 1);
    await find();
    expect(asked).toHaveLength(2);
    clock.advance(1);
    await find();
    expect(asked).toHaveLength(4);
  });

  test('are fetched again for an unknown key, at most once a minute', async () => {
    await find();
    await find('two');
    expect(asked).toHaveLength(2);
    clock.advance(60);
    world.jwks = { keys: [ec('one'), ec('two')] };
    const finder = await find('two');
    expect(asked).toHaveLength(4);
    await expect(finder({ alg: 'ES256', kid: 'two' })).resolves.toBeDefined();
    for (let tries = 0; tries < 20; tries++) await find(`random-${tries}`);
    expect(asked).toHaveLength(4);
  });

  test('stay in use when the fetch for an unknown key fails, which is not repeated for a minute', async () => {
    world.age = 3600;
    await find();
    clock.advance(60);
    world.fault = away;
    await expect((await find('two'))({ alg: 'ES256', kid: 'one' })).resolves.toBeDefined();
    await find('three');
    expect(asked).toHaveLength(3);
    clock.advance(3600);
    expect((await faultOf(find()))?.code).toBe('issuer_unavailable');
  });

  test('that could not be fetched are not fetched again for half a minute, and Retry-After says so', async () => {
    world.fault = away;
    const faults = await Promise.all(Array.from({ length: 20 }, () => faultOf(find())));
    expect(new Set(faults.map((fault) => fault?.code))).toEqual(new Set(['issuer_unavailable']));
    expect(asked).toHaveLength(1);
    clock.advance(29);
    expect((await faultOf(find()))?.more.retry_after).toBe(1);
    expect(asked).toHaveLength(1);
    world.fault = undefined;
    clock.advance(1);
    await find();
    expect(asked).toHaveLength(3);
  });

  test('of one issuer do not count for another', async () => {
    await find();
    world.fault = away;
    expect(await faultOf(find('one', 'https://other.example'))).toBeDefined();
    await find();
  });

  test('are refused while too many issuers are being fetched', async () => {
    const faults = await Promise.all(
      Array.from({ length: 40 }, (_one, index) => faultOf(find('one', `https://n${index}.example`))),
    );
    expect(faults.filter((fault) => fault?.code === 'issuer_unavailable')).toHaveLength(8);
    expect(asked).toHaveLength(32);
  });

  test('N41 of one organisation leave room for those of another, however many never answer', async () => {
    const end = Promise.withResolvers<void>();
    const stuck = createIssuerKeys({
      clock,
      async fetch(url) {
        if (url.includes('.evil.')) await end.promise;
        return { body: url.endsWith('/jwks') ? world.jwks : world.discovery, maximum_age: undefined };
      },
    });
    const waiting = Array.from({ length: 100 }, (_one, index) =>
      faultOf(stuck.find(`https://n${index}.evil.example`, 'one', 'evil')),
    );
    expect(await faultOf(stuck.find(issuer, 'one', 'acme'))).toBeUndefined();
    end.resolve();
    await Promise.all(waiting);
  });

  test('N79 share one deadline for discovery and keys', async () => {
    const signals: AbortSignal[] = [];
    const slow = createIssuerKeys({
      clock,
      deadline: 0.3,
      fetch: async (url, signal) => {
        signals.push(signal);
        await sleep(200, undefined, { signal }).catch(() => {
          throw away;
        });
        return { body: url.endsWith('/jwks') ? world.jwks : world.discovery, maximum_age: undefined };
      },
    });
    const faults = await Promise.all([
      faultOf(slow.find(issuer, 'one', 'acme')),
      faultOf(slow.find(issuer, 'one', 'acme')),
    ]);
    expect(faults.map((fault) => fault?.code)).toEqual(['issuer_unavailable', 'issuer_unavailable']);
    expect(signals).toHaveLength(2);
    expect(signals[1]).toBe(signals[0]);
  });

  test('N67 are kept up to the share of an organisation in bytes, failures included, and push out none of another organisation', async () => {
    await find('one', issuer, 'globex');
    world.fault = away;
    const ask = (index: number) => faultOf(find('one', `https://n${index}.example`));
    for (let index = 0; index < 2_500; index++) await ask(index);
    asked.length = 0;
    await find('one', issuer, 'globex');
    for (const index of [2_499, 1_500, 0]) await ask(index);
    expect(asked).toEqual(['https://n0.example/.well-known/openid-configuration']);
  });

  test('N67 with the most and longest keys are kept for the issuers that were asked for last', async () => {
    const keys = Array.from({ length: 100 }, (_, index) => ({ ...ec(`${index}`), key_ops: ['x'.repeat(800)] }));
    const asking = createIssuerKeys({
      clock,
      async fetch(url) {
        asked.push(url);
        const { origin } = new URL(url);
        return {
          body: url.endsWith('/jwks') ? { keys } : { issuer: origin, jwks_uri: `${origin}/jwks` },
          maximum_age: 3600,
        };
      },
    });
    for (let index = 0; index < 40; index++) await asking.find(`https://n${index}.example`, '1', 'acme');
    asked.length = 0;
    for (const index of [39, 35, 0]) await asking.find(`https://n${index}.example`, '1', 'acme');
    expect(asked).toEqual(['https://n0.example/.well-known/openid-configuration', 'https://n0.example/jwks']);
  });

  test.each([
    ['another issuer', { issuer: 'https://evil.example', jwks_uri: 'https://keys.example/jwks' }],
    ['the issuer with a slash', { issuer: `${issuer}/`, jwks_uri: 'https://keys.example/jwks' }],
    ['no issuer', { jwks_uri: 'https://keys.example/jwks' }],
    ['no keys', { issuer }],
    ['keys that are no text', { issuer, jwks_uri: ['https://keys.example/jwks'] }],
    ['nothing', null],
    ['an array', []],
  ])('N10 that name %s are refused', async (_name, discovery) => {
    world.discovery = discovery;
    expect((await faultOf(find()))?.code).toBe('outside_token_refused');
    expect(asked).toHaveLength(1);
  });

  test('without a usable key are refused', async () => {
    for (const jwks of [{ keys: [] }, {}, null, { keys: 'x' }, { keys: [{ kty: 'oct', k: 'AAAA', kid: 'one' }] }]) {
      world.jwks = jwks;
      clock.advance(3600);
      expect((await faultOf(find()))?.code).toBe('outside_token_refused');
    }
  });
});

describe('the keys of an issuer', () => {
  const rsa = (modulusLength: number, publicExponent = 65537) =>
    generateKeyPairSync('rsa', { modulusLength, publicExponent }).publicKey.export({ format: 'jwk' });

  test('keep their public members only', () => {
    const set = {
      keys: [{ ...rsa(2048), kid: 'a', x5c: ['x'], jku: 'x' }, ec('b'), ec('c', 'P-384'), ec('d', 'P-521')],
    };
    expect(readUsableKeys(set).map(({ kid }) => kid)).toEqual(['a', 'b', 'c', 'd']);
    expect(Object.keys(readUsableKeys(set)[0]!).sort()).toEqual(['e', 'kid', 'kty', 'n']);
  });

  test('N8 that are weak or malformed are skipped', () => {
    const one = Buffer.from([1]).toString('base64url');
    const keys = [
      rsa(1024),
      rsa(2048, 3),
      { kty: 'RSA', e: 'AQAB', n: Buffer.alloc(1025, 0xa5).toString('base64url') },
      { ...rsa(2048), e: one },
      ec('k', 'secp256k1'),
      { kty: 'oct', k: 'c2VjcmV0' },
      { kty: 'RSA' },
      { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' },
      { ...ec('b'), kid: 7 },
      { kty: 'OKP', crv: 'Ed25519', x: 'AA' },
      null,
      'key',
    ];
    expect(readUsableKeys({ keys })).toEqual([]);
  });

  test('are read up to a hundred', () => {
    const one = ec('one');
    expect(readUsableKeys({ keys: Array.from({ length: 500 }, () => one) })).toHaveLength(100);
  });
});
