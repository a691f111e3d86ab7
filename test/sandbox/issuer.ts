import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';

/** The time at which the tests' clocks start: 2026-11-21T00:00:00Z, in milliseconds. */
export const start = Date.UTC(2026, 10, 21);

/** A clock that only the test advances. */
export interface TestClock {
  now(): number;
  advance(seconds: number): void;
}

export function makeClock(): TestClock {
  let now = start;
  return {
    now: () => now,
    advance(seconds) {
      now += seconds * 1000;
    },
  };
}

export interface SigningKey {
  kid: string;
  alg: string;
  privateKey: CryptoKey;
  jwk: JWK;
}

/** A response that replaces the usual one of the issuer. */
export type Answer = { status: number; body?: unknown; headers?: Record<string, string> } | 'hang';

/** An OIDC issuer without code of Arsia: a server, its keys, and `jose`. */
export interface Issuer {
  url: string;
  keys: SigningKey[];
  /** Number of requests by path below the issuer. */
  seen: Record<string, number>;
  /** Replaces the responses at these paths. A promise delays a response until it is fulfilled. */
  override: Record<string, Answer | Promise<Answer>>;
  addKey(kid: string, alg?: string): Promise<SigningKey>;
  /** Creates a token with valid claims at the time of `clock`. `claims` replaces members; undefined removes them. */
  token(claims?: Record<string, unknown>, options?: TokenOptions): Promise<string>;
  close(): Promise<void>;
}

export interface TokenOptions {
  key?: SigningKey;
  header?: Record<string, unknown>;
}

export const discoveryPath = '/.well-known/openid-configuration';
export const jwksPath = '/jwks';

export async function startIssuer(clock: TestClock, path = ''): Promise<Issuer> {
  const keys: SigningKey[] = [];
  const seen: Record<string, number> = {};
  const server = createServer(async (request, response) => {
    const at = (request.url ?? '').slice(path.length);
    seen[at] = (seen[at] ?? 0) + 1;
    const answer = (await issuer.override[at]) ?? usual(at);
    if (answer === 'hang') return;
    response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
    response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;

  function usual(at: string): Exclude<Answer, 'hang'> {
    if (at === discoveryPath) return { status: 200, body: { issuer: url, jwks_uri: `${url}${jwksPath}` } };
    if (at === jwksPath) return { status: 200, body: { keys: keys.map(({ jwk }) => jwk) } };
    return { status: 404 };
  }

  const issuer: Issuer = {
    url,
    keys,
    seen,
    override: {},
    async addKey(kid, alg = 'RS256') {
      const key = await makeKey(kid, alg);
      keys.push(key);
      return key;
    },
    token(claims = {}, { key = keys[0]!, header = {} } = {}) {
      const now = Math.floor(clock.now() / 1000);
      const payload = {
        iss: url,
        sub: 'job-7',
        aud: 'aws',
        iat: now - 5,
        nbf: now - 5,
        exp: now + 600,
        jti: 'a',
        ...claims,
      };
      const fields = { typ: 'JWT', alg: key.alg, kid: key.kid, ...header };
      return new SignJWT(JSON.parse(JSON.stringify(payload))).setProtectedHeader(fields).sign(key.privateKey);
    },
    close: () => stop(server),
  };
  return issuer;
}

export async function makeKey(kid: string, alg = 'RS256'): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
