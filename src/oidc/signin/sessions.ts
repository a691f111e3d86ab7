import type { KoaContextWithOIDC } from 'oidc-provider';
import { signInLifetimes } from '../../core/lifetimes.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import { consoleClient } from '../names.ts';
import { cookiesOf } from './cookies.ts';
import type { Desk } from './desk.ts';

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
