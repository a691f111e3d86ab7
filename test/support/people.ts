import { createHash, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Home, makeHome, type RunningArsia, type Settings, type StartOptions, startArsia } from './arsia.ts';
import { type Browser, createBrowser, type Visit } from './browser.ts';
import { type Answer, type Body, type Client, createClient, postForm } from './client.ts';
import { startUpstream, type TestUpstream } from './upstream.ts';

/** An Arsia whose users sign in at a test identity provider. */
export interface SignInWorld {
  running: RunningArsia;
  upstream: TestUpstream;
  issuer: string;
}

export async function startSignIn(
  options: StartOptions & { kind?: 'embedded' | 'postgres' } = {},
): Promise<SignInWorld> {
  const { kind = 'embedded', settings, ...rest } = options;
  const upstream = await startUpstream();
  const home = options.home ?? (await makeHome(kind));
  const running = await startArsia({
    ...rest,
    home,
    settings: { ...(await signInSettings(upstream, home)), ...settings },
  });
  upstream.register(running.issuer);
  return { running, upstream, issuer: running.issuer };
}

export async function signInSettings(upstream: TestUpstream, home: Home): Promise<Settings> {
  const file = join(home.folder, 'sign-in.secret');
  await writeFile(file, `${upstream.clientSecret}\n`);
  return {
    ARSIA_SIGN_IN_ISSUER: upstream.issuer,
    ARSIA_SIGN_IN_CLIENT_ID: upstream.clientId,
    ARSIA_SIGN_IN_CLIENT_SECRET_FILE: file,
  };
}

/** Returns audit events without an organisation: those of anonymous callers. */
export async function operatorOf({ running, issuer }: SignInWorld): Promise<Client> {
  const { token } = await running.arsia.operators.link('root');
  const { access_token } = await createClient(issuer).send('POST', '/admin-links/redeem', { token });
  return createClient(issuer, access_token);
}

/** Returns the audit events of a request by the request id of its response. */
export async function recordsOf(reader: Client, { headers }: { headers: Headers }): Promise<Body[]> {
  const { items } = await reader.send('GET', '/audit-events?limit=200');
  return (items as Body[]).filter((event) => event.request_id === headers.get('x-request-id'));
}

/** Creates an authorization request of the console, or of the command line with a loopback redirect. */
export interface AuthorizationRequest {
  client: 'console' | 'cli';
  url: string;
  redirect_uri: string;
  state: string;
  code_verifier: string;
}

export function authorizationRequest(
  issuer: string,
  client: 'console' | 'cli' = 'console',
  change: Record<string, string | undefined> = {},
): AuthorizationRequest {
  const code_verifier = randomBytes(32).toString('base64url');
  const state = randomBytes(8).toString('hex');
  const redirect_uri = client === 'console' ? `${issuer}/console/callback` : 'http://127.0.0.1:49152/callback';
  const parameters = {
    client_id: client,
    response_type: 'code',
    redirect_uri,
    scope: 'openid',
    state,
    code_challenge: createHash('sha256').update(code_verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...change,
  };
  const url = new URL(`${issuer}/oauth2/authorize`);
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) url.searchParams.set(name, value);
  return { client, url: url.href, redirect_uri, state, code_verifier };
}

/** Opens an authorization request and returns the page, or the redirect to the client. */
export async function visit(browser: Browser, request: AuthorizationRequest): Promise<Visit> {
  // The provider would ask by a script whether to replace the session of another person.
  browser.forget('upstream');
  return await browser.open(request.url, request.redirect_uri);
}

/** Returns the code of the redirect to the client, if there was one. */
export function codeOf(request: AuthorizationRequest, { url }: Visit): string | undefined {
  return url.href.startsWith(request.redirect_uri) ? (url.searchParams.get('code') ?? undefined) : undefined;
}

export async function redeem(issuer: string, request: AuthorizationRequest, code: string): Promise<Answer> {
  return await postForm(issuer, '/token', {
    grant_type: 'authorization_code',
    client_id: request.client,
    code,
    code_verifier: request.code_verifier,
    redirect_uri: request.redirect_uri,
  });
}

export async function refresh(issuer: string, client: string, refresh_token: string): Promise<Answer> {
  return await postForm(issuer, '/token', { grant_type: 'refresh_token', client_id: client, refresh_token });
}

export interface SignedIn {
  browser: Browser;
  client: Client;
  access_token: string;
  refresh_token: string;
  id_token: string;
}

/** Returns the texts of the buttons on the page on which a person chooses a user. */
export function choicesOf({ text }: Visit): string[] {
  return [...text.matchAll(/<button name="choice"[^>]*>([^<]*)</g)].map((match) => match[1]!);
}

/** Clicks the button whose text is or begins with this text. */
export async function choose(browser: Browser, page: Visit, text: string, stop?: string): Promise<Visit> {
  const action = /<form method="post" action="([^"]*)">/.exec(page.text)?.[1];
  const buttons = [...page.text.matchAll(/<button name="choice" value="([^"]*)"[^>]*>([^<]*)</g)];
  const value = buttons.find((match) => match[2]!.startsWith(text))?.[1];
  if (action === undefined || value === undefined) throw new Error(`no button ${text} on ${page.url} ${page.text}`);
  return await browser.submit(action, { choice: value }, stop);
}

/** Signs a person in at the console and returns the tokens. Clicks `button` when the page with choices is shown. */
export async function signInPerson(
  world: SignInWorld,
  sub: string,
  browser = createBrowser(),
  button?: string,
  change: Record<string, string> = {},
): Promise<SignedIn> {
  world.upstream.visitor = sub;
  const request = authorizationRequest(world.issuer, 'console', change);
  let visited = await visit(browser, request);
  if (button !== undefined && visited.status === 200)
    visited = await choose(browser, visited, button, request.redirect_uri);
  const code = codeOf(request, visited);
  if (code === undefined) throw new Error(`no code, but ${visited.status} ${visited.url} ${visited.text}`);
  const answer = await redeem(world.issuer, request, code);
  if (answer.status !== 200) throw new Error(`no tokens, but ${answer.status} ${answer.text}`);
  const { access_token, refresh_token, id_token } = answer.body;
  return { browser, client: createClient(world.issuer, access_token), access_token, refresh_token, id_token };
}
