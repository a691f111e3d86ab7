import type { AdapterPayload, KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { Clock } from '../../core/clock.ts';
import { signInLifetimes } from '../../core/lifetimes.ts';
import type { ArtifactStore } from '../../store/issuing/artifacts.ts';
import type { ArtifactAdapter } from '../artifactadapter.ts';
import { consoleClient } from '../names.ts';
import type { SignInContext } from './context.ts';
import { createCookieSettings } from './cookies.ts';

/**
 * Ends the session of another user in this browser, with the grant of its console. Returns false when there was none.
 * oidc-provider would ask by a form that an inline script submits.
 */
export async function endOtherSession(
  context: SignInContext,
  ctx: KoaContextWithOIDC,
  accountId: string,
): Promise<boolean> {
  const { provider, artifacts } = context;
  const session = await provider.Session.get(ctx);
  if (session.accountId === undefined || session.accountId === accountId) return false;
  const grant = session.grantIdFor(consoleClient);
  if (grant !== undefined) await endGrant(artifacts, grant);
  await session.destroy();
  return true;
}

/** Signs a user in with this browser without an identity provider. Ends the session of another user. */
export async function openSession(context: SignInContext, ctx: KoaContextWithOIDC, accountId: string): Promise<void> {
  const { provider, issuer, signIn } = context;
  await endOtherSession(context, ctx, accountId);
  const session = new provider.Session();
  session.loginAccount({ accountId });
  await session.save(signInLifetimes.session);
  const { long } = createCookieSettings(issuer, signIn.cookieKeys());
  ctx.cookies.set(provider.cookieName('session'), session.jti, { ...long, maxAge: signInLifetimes.session * 1000 });
}

/** Ends a grant and everything that was issued under it. Access tokens end with their grant. */
export async function endGrant(artifacts: ArtifactStore, grant: string): Promise<void> {
  await artifacts.destroy('Grant', grant);
  await artifacts.revokeGrant(grant);
}

/** Members of a session that the types do not have. */
interface StoredSession {
  jti: string;
  /** Seconds since 1970; absent before it is stored for the first time. */
  iat?: number;
  exp: number;
  /** The id by which it was found, when it has a new id. */
  oldId?: string | undefined;
  touched: boolean;
  adapter: ArtifactAdapter;
  getValueAndPayload(): Promise<{ payload: AdapterPayload }>;
  save(ttl: number): Promise<unknown>;
}

/**
 * Makes oidc-provider store a session only if it still exists. oidc-provider reads the session at the start of a request and
 * stores it at the end: with a stolen cookie an attacker could keep a request open and restore the session after its user
 * signed out or was deactivated.
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
    // Last, because every other assignment marks the session as touched.
    this.touched = false;
    return this.jti;
  };
}
