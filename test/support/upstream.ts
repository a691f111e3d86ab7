import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { decodeJwt, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import Provider, { type Adapter, type AdapterPayload, interactionPolicy } from 'oidc-provider';
import { atEnd } from './arsia.ts';

/** The claims of a person at the identity provider; `sub` is the key of the map. */
export interface Profile {
  email?: string;
  email_verified?: boolean | string;
  name?: string;
  preferred_username?: string;
  groups?: unknown;
}

/** The identity provider of a company: oidc-provider with a login without a password. */
export interface TestUpstream {
  issuer: string;
  people: Map<string, Profile>;
  /** The `sub` of the person who signs in next; null refuses. */
  visitor: string | null;
  /** Registers Arsia as a client and returns its settings. */
  clientId: string;
  clientSecret: string;
  register(arsiaIssuer: string): void;
  /** Changes the ID tokens before they are signed. */
  tamper: ((claims: JWTPayload) => JWTPayload) | undefined;
  /** True to sign with a key that is not in its JWKS. */
  isForger: boolean;
  /** Replaces the responses. */
  instead: RequestListener | undefined;
  /** Parameters of the authorization requests. */
  asked: URLSearchParams[];
  requests: string[];
}

export async function startUpstream(): Promise<TestUpstream> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const keys = await generateKeyPair('RS256', { extractable: true });
  const forged = await generateKeyPair('RS256');
  const jwk = { ...(await exportJWK(keys.privateKey)), kid: 'upstream', alg: 'RS256', use: 'sig' };
  let provider: Provider | undefined;
  const upstream: TestUpstream = {
    issuer,
    people: new Map(),
    visitor: null,
    clientId: 'arsia',
    clientSecret: 'the secret of Arsia at its identity provider',
    tamper: undefined,
    isForger: false,
    instead: undefined,
    asked: [],
    requests: [],
    register(arsiaIssuer) {
      provider = buildProvider(upstream, `${arsiaIssuer}/oauth2/callback`, jwk);
      provider.use(async (ctx, next) => {
        await next();
        const body = ctx.body as { id_token?: string } | undefined;
        if (ctx.path !== '/token' || body?.id_token === undefined) return;
        if (upstream.tamper === undefined && !upstream.isForger) return;
        const claims = upstream.tamper?.(decodeJwt(body.id_token)) ?? decodeJwt(body.id_token);
        const key = upstream.isForger ? forged.privateKey : keys.privateKey;
        ctx.body = {
          ...body,
          id_token: await new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'upstream' }).sign(key),
        };
      });
    },
  };
  server.on('request', (request, response) => {
    const url = new URL(request.url ?? '/', issuer);
    upstream.requests.push(`${request.method} ${url.pathname}`);
    if (upstream.instead !== undefined) return upstream.instead(request, response);
    if (url.pathname === '/auth') upstream.asked.push(url.searchParams);
    if (url.pathname.startsWith('/login/')) {
      const result =
        upstream.visitor === null
          ? { error: 'access_denied', error_description: 'the person went away' }
          : { login: { accountId: upstream.visitor } };
      void provider!.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
    } else void provider!.callback()(request, response);
  });
  return upstream;
}

function buildProvider(upstream: TestUpstream, redirectUri: string, jwk: object): Provider {
  const { base, Check } = interactionPolicy;
  const policy = base();
  policy.remove('consent');
  policy
    .get('login')!
    .checks.add(
      new Check('always', 'the visitor may be another one', 'login_required', (ctx) => !ctx.oidc.result?.login),
    );
  return new Provider(upstream.issuer, {
    adapter: memoryAdapter(),
    clients: [
      {
        client_id: upstream.clientId,
        client_secret: upstream.clientSecret,
        redirect_uris: [redirectUri],
        grant_types: ['authorization_code'],
        response_types: ['code'],
      },
    ],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'preferred_username', 'groups'] },
    scopes: ['openid', 'email', 'profile'],
    cookies: {
      keys: ['upstream'],
      names: { session: 'upstream', interaction: 'upstream_interaction', resume: 'upstream_resume' },
    },
    jwks: { keys: [jwk] },
    features: { devInteractions: { enabled: false } },
    interactions: { policy, url: (_ctx, { uid }) => `/login/${uid}` },
    pkce: { required: () => true },
    clientBasedCORS: () => false,
    findAccount: (_ctx, sub) => {
      const profile = upstream.people.get(sub);
      return profile && { accountId: sub, claims: async () => ({ sub, ...profile }) };
    },
    async loadExistingGrant(ctx) {
      const grant = new ctx.oidc.provider.Grant({
        clientId: ctx.oidc.client!.clientId,
        accountId: ctx.oidc.session!.accountId!,
      });
      grant.addOIDCScope('openid email profile');
      await grant.save();
      return grant;
    },
    renderError(ctx, out) {
      ctx.body = out;
    },
    ttl: {
      AccessToken: 600,
      AuthorizationCode: 60,
      Grant: 600,
      IdToken: 600,
      Interaction: 600,
      Session: 600,
    },
  });
}

function memoryAdapter(): (model: string) => Adapter {
  const rows = new Map<string, AdapterPayload>();
  const find = (wanted: (payload: AdapterPayload) => boolean) => [...rows.values()].find(wanted);
  return (model) => {
    const key = (id: string) => `${model}:${id}`;
    return {
      upsert: async (id, payload) => void rows.set(key(id), payload),
      find: async (id) => rows.get(key(id)),
      findByUid: async (uid) => find((payload) => payload.kind === model && payload.uid === uid),
      findByUserCode: async (code) => find((payload) => payload.kind === model && payload.userCode === code),
      consume: async (id) => void Object.assign(rows.get(key(id))!, { consumed: 1 }),
      destroy: async (id) => void rows.delete(key(id)),
      revokeByGrantId: async () => {},
    };
  };
}
