import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';
import type { Clock } from '../../core/clock.ts';
import { signInLifetimes } from '../../core/lifetimes.ts';
import { consoleClient } from '../names.ts';
import { showSignedOut, showSignOut } from '../pages/session.ts';
import type { Principals, SignInParts } from '../ports.ts';
import type { Turns } from '../requestcontext.ts';
import { ownEndpoints, signInEndpoints } from '../routes.ts';
import { cookiesOf } from './cookies.ts';
import { createDevicePages } from './device.ts';
import { createPolicy, isUnconfirmed } from './policy.ts';
import { xsrfOf } from './xsrf.ts';

interface Parts {
  issuer: string;
  authorizationIssuer: string;
  clock: Clock;
  turns: Turns;
  principals: Principals;
  signIn: SignInParts;
}

/** What oidc-provider does for people, on top of what it does for machines. */
export function configureSignIn(parts: Parts) {
  const { issuer, authorizationIssuer, clock, principals, signIn } = parts;
  const seconds = () => Math.floor(clock.now() / 1000);
  return {
    allowOmittingSingleRegisteredRedirectUri: false,
    claims: { openid: ['sub', 'login'] },
    cookies: cookiesOf(issuer, signIn.cookieKeys()),
    expiresWithSession: async (_ctx, source) => isConsole(source),
    // First-party clients may leave the scope out; only `openid` is ever granted.
    extraParams: {
      scope(ctx: KoaContextWithOIDC) {
        if (ctx.oidc.params !== undefined) ctx.oidc.params.scope ??= 'openid';
      },
    },
    interactions: {
      policy: createPolicy(),
      url: (_ctx, { uid }) => `${authorizationIssuer}${ownEndpoints.interaction}/${uid}`,
    },
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    loadExistingGrant: findGrant,
    pkce: { required: () => true },
    responseTypes: ['code'],
    // Each use gives a new one, and a second use of an old one ends them all (RFC 9700 4.14.2).
    rotateRefreshToken: true,
    routes: signInEndpoints,
    ttl: {
      AccessToken: signInLifetimes.accessToken,
      AuthorizationCode: signInLifetimes.code,
      DeviceCode: signInLifetimes.deviceCode,
      Grant: signInLifetimes.grant,
      IdToken: signInLifetimes.accessToken,
      Interaction: signInLifetimes.interaction,
      RefreshToken: (_ctx, token) => (isConsole(token) ? signInLifetimes.session : signInLifetimes.refreshToken),
      // From sign-in on, however often it is used; before that, as long as somebody needs to type a code. Each use saves it
      // anew, so that the policy looks at its age as well.
      Session: (_ctx, session) =>
        session.loginTs === undefined
          ? signInLifetimes.interaction
          : Math.max(1, session.loginTs + signInLifetimes.session - seconds()),
    },
    features: {
      deviceFlow: { enabled: true, charset: 'base-20', mask: '****-****', ...createDevicePages(parts) },
      rpInitiatedLogout: {
        enabled: true,
        async logoutSource(ctx) {
          const { session } = ctx.oidc;
          const login = session?.accountId && (await principals.nameOf(session.accountId));
          showSignOut(ctx, {
            action: ctx.oidc.urlFor('end_session_confirm'),
            xsrf: xsrfOf(ctx),
            login: login || undefined,
          });
        },
        postLogoutSuccessSource: showSignedOut,
      },
      userinfo: { enabled: true },
    },
  } satisfies Configuration;
}

function isConsole({ clientId }: { clientId?: string | undefined }): boolean {
  return clientId === consoleClient;
}

/**
 * Consent is implicit: both clients are ours. The console has one grant a session, so that its tabs live together; every
 * command line has its own, so that one that is signed out, or whose refresh token was stolen, ends alone.
 */
async function findGrant(ctx: KoaContextWithOIDC) {
  const { client, session, account, provider } = ctx.oidc;
  if (client === undefined || account === undefined || isUnconfirmed(ctx)) return undefined;
  const former = isConsole(client) ? session?.grantIdFor(client.clientId) : undefined;
  const existing = former === undefined ? undefined : await provider.Grant.find(former);
  if (existing?.accountId === account.accountId) return existing;
  const grant = new provider.Grant({ accountId: account.accountId, clientId: client.clientId });
  grant.addOIDCScope('openid');
  await grant.save();
  return grant;
}
