import { createCipheriv, createDecipheriv, createHash, createPrivateKey, randomBytes } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll } from '@jest/globals';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { type Clock, newId } from '../../src/core/clock.ts';
import type { ArsiaError } from '../../src/core/errors.ts';
import { serverOrigin } from '../../src/core/origin.ts';
import type { Database } from '../../src/database/connections.ts';
import type { ClientAccount, Exchange } from '../../src/oidc/ports.ts';
import { type AuthorizationServer, createAuthorizationServer } from '../../src/oidc/server.ts';
import { systemClock } from '../../src/server/clock.ts';
import type { EndpointEvent } from '../../src/services/issuing/endpointevent.ts';
import type { OutsideExchange } from '../../src/services/issuing/outsidetokens.ts';
import { makeSigningKey } from '../../src/signing/keysets/signingkeys.ts';
import { createSealer, type Sealer } from '../../src/signing/sealing/sealing.ts';
import { localSigner } from '../../src/signing/signers/signer.ts';
import { type ArtifactStore, createArtifactStore } from '../../src/store/issuing/artifacts.ts';

const servers: Server[] = [];
afterAll(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** Listens on a free loopback port before the handler is created, because the issuer contains the port. */
export async function listen(make: (origin: string) => RequestListener | Promise<RequestListener>): Promise<string> {
  const server = createServer();
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  server.on('request', await make(origin));
  return origin;
}

const master = randomBytes(32);

export function testSealer(): Sealer {
  const iv = Buffer.alloc(8, 0xa6);
  return createSealer({
    id: 'test',
    async wrap(dataKey) {
      const cipher = createCipheriv('id-aes256-wrap', master, iv);
      return Buffer.concat([cipher.update(dataKey), cipher.final()]);
    },
    async unwrap(wrapped) {
      const decipher = createDecipheriv('id-aes256-wrap', master, iv);
      return Buffer.concat([decipher.update(wrapped), decipher.final()]);
    },
  });
}

/** The key set of the authorization server; `rotate` adds a new signer. */
export async function testKeys(alg: 'RS256' | 'ES256' = 'ES256') {
  const listeners: (() => void)[] = [];
  const make = async () => {
    const pair = await makeSigningKey(alg);
    const key = createPrivateKey({ key: Buffer.from(pair.pkcs8), format: 'der', type: 'pkcs8' });
    return { jwk: pair.public_jwk, signer: localSigner(pair.kid, alg, key) };
  };
  let held = [await make()];
  const keys = {
    current: () => ({ jwks: JSON.stringify({ keys: held.map(({ jwk }) => jwk) }) }),
    /** The error while keys are withheld, as by a replica that does not know whether one was revoked. */
    withheld: undefined as ArsiaError | undefined,
    publication() {
      if (keys.withheld !== undefined) throw keys.withheld;
      return { maximum_age: 300 };
    },
    signer: () => held[0]!.signer,
    onChange: (listener: () => void) => void listeners.push(listener),
    async rotate() {
      held = [await make(), ...held];
      for (const listener of listeners) listener();
    },
  };
  return keys;
}

export type TestKeys = Awaited<ReturnType<typeof testKeys>>;

/** The accounts and audit events of one test, shared by its replicas. */
export interface World {
  clock: Clock;
  accounts: Map<string, ClientAccount>;
  inactive: Set<string>;
  events: EndpointEvent[];
  logs: unknown[];
  exchanges: Omit<Parameters<Exchange>[0], 'logged'>[];
  exchange: Exchange;
  outside: OutsideExchange;
  record(event: EndpointEvent): Promise<void>;
}

export function createWorld(): World {
  const world: World = {
    clock: systemClock,
    accounts: new Map(),
    inactive: new Set(),
    events: [],
    logs: [],
    exchanges: [],
    exchange: async () => ({ token: 'workload.token.signature', expires_in: 600 }),
    outside: async () => ({ access_token: 'arsia_at_x', expires_in: 600 }),
    record: async (event) => void world.events.push(event),
  };
  return world;
}

export interface Replica {
  issuer: string;
  server: AuthorizationServer;
  artifacts: ArtifactStore;
  /** Posts a form to an endpoint such as `/token`. */
  post(path: string, form: Record<string, string> | URLSearchParams, headers?: Record<string, string>): Promise<Answer>;
}

export interface Answer {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
}

export async function startReplica(parts: {
  world: World;
  database: Database;
  keys: TestKeys;
  path?: string;
  issuer?: string;
}): Promise<Replica> {
  const { world, database, keys, path = '' } = parts;
  const artifacts = createArtifactStore({ database, sealer: testSealer() });
  let server: AuthorizationServer | undefined;
  const origin = await listen((ownOrigin) => {
    server = createAuthorizationServer({
      issuer: parts.issuer ?? `${ownOrigin}${path}`,
      clock: world.clock,
      log: Object.fromEntries(
        ['info', 'warn', 'error'].map((level) => [
          level,
          (...line: unknown[]) => void world.logs.push([level, ...line]),
        ]),
      ) as never,
      artifacts,
      keys,
      clients: { find: async (id) => world.accounts.get(id) },
      principals: {
        isActive: async (id) => !world.inactive.has(id) && (world.accounts.get(id)?.is_active ?? id.startsWith('usr_')),
        login: async (id) => (world.inactive.has(id) ? undefined : `login-of-${id}`),
        findDisplayName: async (id) => (world.inactive.has(id) ? undefined : `login-of-${id}`),
      },
      exchange: (request) => {
        const { logged: _, ...rest } = request;
        world.exchanges.push(rest);
        return world.exchange(request);
      },
      outside: (request, issue) => world.outside(request, issue),
      record: (event) => world.record(event),
    });
    let requests = 0;
    return (request, response) =>
      void server!.handle(request, response, { origin: { ...serverOrigin, request_id: `req_${++requests}` } });
  });
  const base = `${origin}${path}/oauth2`;
  return {
    issuer: server!.issuer,
    server: server!,
    artifacts,
    post: async (endpoint, form, headers = {}) =>
      await answerOf(await fetch(`${base}${endpoint}`, { method: 'POST', body: new URLSearchParams(form), headers })),
  };
}

export async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? {} : JSON.parse(text) };
}

/** A service account with a secret. */
export function addSecretAccount(world: World): { id: string; secret: string; basic: string } {
  const id = newId(world.clock, 'service_account');
  const secret = `arsia_secret_${randomBytes(32).toString('base64url')}`;
  const hash = createHash('sha256').update(secret).digest();
  world.accounts.set(id, { id, is_active: true, jwks: null, secret_hashes: [randomBytes(32), hash, randomBytes(32)] });
  return { id, secret, basic: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` };
}

export interface KeyAccount {
  id: string;
  privateKey: CryptoKey;
  publicJwk: JWK;
  /** Creates a valid assertion for this audience. `claims` and `header` replace members; undefined removes them. */
  assert(audience: string, claims?: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>;
}

/** A service account with a key. */
export async function addKeyAccount(world: World, alg = 'ES256'): Promise<KeyAccount> {
  const id = newId(world.clock, 'service_account');
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const publicJwk = { ...(await exportJWK(publicKey)), kid: `key-of-${id}` };
  world.accounts.set(id, { id, is_active: true, jwks: { keys: [publicJwk] }, secret_hashes: [] });
  const account: KeyAccount = {
    id,
    privateKey,
    publicJwk,
    async assert(audience, claims = {}, header = {}) {
      const now = Math.floor(world.clock.now() / 1000);
      const jti = randomBytes(16).toString('hex');
      const payload = { iss: id, sub: id, aud: audience, jti, iat: now, exp: now + 60, ...claims };
      return await new SignJWT(payload).setProtectedHeader({ alg, kid: `key-of-${id}`, ...header }).sign(privateKey);
    },
  };
  return account;
}

/** Requests `client_credentials` with an assertion. */
export function assertionForm(client_assertion: string): Record<string, string> {
  return {
    grant_type: 'client_credentials',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion,
  };
}
