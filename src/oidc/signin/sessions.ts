import type { AdapterPayload, KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { Clock } from '../../core/clock.ts';
import { signInLifetimes } from '../../core/lifetimes.ts';
import type { ArtifactStore } from '../../store/issuing/artifacts.ts';
import type { ArtifactAdapter } from '../artifactadapter.ts';
import { consoleClient } from '../names.ts';
import type { Desk } from './context.ts';
import { cookiesOf } from './cookies.ts';

/**
 * Another person has signed in with this browser: the session of the one before ends, with what it gave the console.
 * oidc-provider would ask by a form that sends itself off by an inline script. False when there was none.
 */
export async function endOtherSession(desk: Desk, ctx: KoaContextWithOIDC, accountId: string): Promise<boolean> {
  const { provider, artifacts } = desk;
  const session = await provider.Session.get(ctx);
  if (session.accountId === undefined || session.accountId === accountId) return false;
  const grant = session.grantIdFor(consoleClient);
  if (grant !== undefined) await endGrant(artifacts, grant);
  await session.destroy();
  return true;
}

/** Signs a user in with this browser, without an identity provider. Whoever was there before is out. */
export async function openSession(desk: Desk, ctx: KoaContextWithOIDC, accountId: string): Promise<void> {
  const { provider, issuer, signIn } = desk;
  await endOtherSession(desk, ctx, accountId);
  const session = new provider.Session();
  session.loginAccount({ accountId });
  await session.save(signInLifetimes.session);
  const { long } = cookiesOf(issuer, signIn.cookieKeys());
  ctx.cookies.set(provider.cookieName('session'), session.jti, { ...long, maxAge: signInLifetimes.session * 1000 });
}

/** A grant and everything that was given under it, at once: access tokens die with their grant. */
export async function endGrant(artifacts: ArtifactStore, grant: string): Promise<void> {
  await artifacts.destroy('Grant', grant);
  await artifacts.revokeGrant(grant);
}

/** What the types leave out of a session. */
interface StoredSession {
  jti: string;
  /** Seconds since 1970; absent before it is stored for the first time. */
  iat?: number;
  exp: number;
  /** The id that it was found by, when it got another one since. */
  oldId?: string | undefined;
  touched: boolean;
  adapter: ArtifactAdapter;
  getValueAndPayload(): Promise<{ payload: AdapterPayload }>;
  save(ttl: number): Promise<unknown>;
}

/**
 * oidc-provider reads the session when a request begins and stores it when the request ends, whatever became of it in
 * between: whoever holds a stolen cookie could keep a request waiting, and have the session back after its person signed out
 * or was deactivated. Here a session that was found is stored only where it still is.
 */
export function keepEndedSessions({ Session }: Provider, clock: Clock): void {
  const prototype = Session.prototype as unknown as StoredSession;
  const { save } = prototype;
  prototype.save = async function saveWhereItIs(ttl) {
    if (this.iat === undefined) return await save.call(this, ttl);
    this.exp = Math.floor(clock.now() / 1000) + ttl;
    const { payload } = await this.getValueAndPayload();
    await this.adapter.replace(this.jti, payload, ttl, this.oldId ?? this.jti);
    this.oldId = undefined;
    // The last: everything else that is set marks it as touched.
    this.touched = false;
    return this.jti;
  };
}
