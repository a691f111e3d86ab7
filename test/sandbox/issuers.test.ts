import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  askEntra,
  askGoogle,
  assumeRole,
  azureAudience,
  type Bench,
  googleAudience,
  pasteAws,
  pasteAzure,
  pasteGoogle,
  type Reply,
  startBench,
} from './clouds.ts';
import { type Answer, discoveryPath, jwksPath } from './issuer.ts';

let bench: Bench;

beforeAll(async () => {
  bench = await startBench();
  pasteAws(bench);
  pasteAzure(bench);
  pasteGoogle(bench);
});
afterAll(() => bench.close());
// Longer than every cache time, so that each test starts with keys that must be fetched.
beforeEach(() => bench.clock.advance(25 * 3600));
afterEach(() => {
  bench.issuer.override = {};
});

interface Row {
  cloud: string;
  /** Sends a token that this cloud accepts, with `claims` replaced. */
  ask(claims?: Record<string, unknown>): Promise<Reply>;
  refusal: { status: number; text: string };
}

const rows: Row[] = [
  {
    cloud: 'AWS',
    ask: async (claims) => assumeRole(bench, await bench.issuer.token(claims)),
    refusal: {
      status: 400,
      text: "<Code>InvalidIdentityToken</Code><Message>Couldn't retrieve verification key from your identity provider,  please",
    },
  },
  {
    cloud: 'Entra',
    ask: async (claims) => askEntra(bench, await bench.issuer.token({ aud: azureAudience, ...claims })),
    refusal: { status: 400, text: 'AADSTS50166: Request to External OIDC endpoint failed.' },
  },
  {
    cloud: 'Google',
    ask: async (claims) => askGoogle(bench, await bench.issuer.token({ aud: googleAudience, team: 'cfd', ...claims })),
    refusal: {
      status: 400,
      text: '{"error":"invalid_grant","error_description":"Error connecting to the given credential\'s issuer."}',
    },
  },
];

/** Each serves keys that verify, so that only the named rule can refuse. */
const faults: [string, () => Record<string, Answer>][] = [
  ['discovery is slower than the budget', () => ({ [discoveryPath]: 'hang' })],
  ['the JWKS is slower than the budget', () => ({ [jwksPath]: 'hang' })],
  ['discovery fails', () => ({ [discoveryPath]: { status: 503, body: discovery() } })],
  ['the JWKS fails', () => ({ [jwksPath]: { status: 404, body: jwks() } })],
  [
    'discovery redirects',
    () => ({
      [discoveryPath]: { status: 302, headers: { location: `${bench.issuer.url}/moved` } },
      '/moved': { status: 200, body: discovery() },
    }),
  ],
  [
    'discovery names another issuer',
    () => ({ [discoveryPath]: { status: 200, body: discovery({ issuer: `${bench.issuer.url}/` }) } }),
  ],
  [
    'N30 the jwks_uri is plain http to an address that only resolves to loopback',
    () => {
      const jwks_uri = `${bench.issuer.url}${jwksPath}`.replace('127.0.0.1', '[::ffff:127.0.0.1]');
      return { [discoveryPath]: { status: 200, body: discovery({ jwks_uri }) } };
    },
  ],
  ['discovery is no JSON', () => ({ [discoveryPath]: { status: 200, body: '<html>' } })],
  ['the JWKS has no keys', () => ({ [jwksPath]: { status: 200, body: {} } })],
  [
    'the JWKS is longer than a megabyte',
    () => ({ [jwksPath]: { status: 200, body: { ...jwks(), pad: 'x'.repeat(1_100_000) } } }),
  ],
];

function discovery(more: Record<string, unknown> = {}) {
  return { issuer: bench.issuer.url, jwks_uri: `${bench.issuer.url}${jwksPath}`, ...more };
}

function jwks() {
  return { keys: bench.issuer.keys.map(({ jwk }) => jwk) };
}

describe.each(rows)('$cloud', ({ ask, refusal }) => {
  test.each(faults)('%s: refused, and accepted once the issuer answers', async (_, override) => {
    bench.issuer.override = override();
    const reply = await ask();
    expect(reply.status).toBe(refusal.status);
    expect(reply.text).toContain(refusal.text);
    bench.issuer.override = {};
    expect((await ask()).status).toBe(200);
  });

  test('N30 sends no request to an issuer that is not registered', async () => {
    const before = { ...bench.issuer.seen };
    expect((await ask({ iss: `${bench.issuer.url}/` })).status).not.toBe(200);
    expect(bench.issuer.seen).toEqual(before);
  });

  test('concurrent requests share one fetch', async () => {
    const before = bench.issuer.seen[jwksPath]!;
    const replies = await Promise.all(Array.from({ length: 8 }, () => ask()));
    expect(replies.map(({ status }) => status)).toEqual(Array(8).fill(200));
    expect(bench.issuer.seen[jwksPath]).toBe(before + 1);
  });
});

test('AWS refuses an issuer with more than 100 keys of a type; Entra uses the first 100', async () => {
  const { jwk } = bench.issuer.keys[0]!;
  const others = Array.from({ length: 100 }, (_, at) => ({ ...jwk, kid: `x${at}` }));
  bench.issuer.override = { [jwksPath]: { status: 200, body: { keys: [jwk, ...others] } } };
  expect((await rows[0]!.ask()).text).toContain(rows[0]!.refusal.text);
  expect((await rows[1]!.ask()).status).toBe(200);
  bench.clock.advance(25 * 3600);
  bench.issuer.override = { [jwksPath]: { status: 200, body: { keys: [...others, jwk] } } };
  expect((await rows[1]!.ask()).text).toContain('AADSTS700027');
});
