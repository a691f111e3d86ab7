import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';
import type { Clock } from '../../core/clock.ts';
import { signInLifetimes } from '../../core/lifetimes.ts';
import { consoleClient } from '../names.ts';
import { showSignedOut, showSignOut } from '../pages/session.ts';
import type { Principals, SignInParts } from '../ports.ts';
import type { RequestContexts } from '../requestcontext.ts';
import { ownEndpoints, signInEndpoints } from '../routes.ts';
import { createCookieSettings } from './cookies.ts';
import { createDevicePages } from './device.ts';
import { createPolicy, isUnconfirmed } from './policy.ts';
import { getXsrfToken } from './xsrf.ts';

interface Parts {
  issuer: string;
  authorizationIssuer: string;
  clock: Clock;
  requestContexts: RequestContexts;
  principals: Principals;
  signIn: SignInParts;
}

/** Creates the part of the configuration of oidc-provider that is for people. */
export function configureSignIn(parts: Parts) {
  const { issuer, authorizationIssuer, clock, principals, signIn } = parts;
  const seconds = () => Math.floor(clock.now() / 1000);
  return {
    allowOmittingSingleRegisteredRedirectUri: false,
    claims: { openid: ['sub', 'login'] },
    cookies: createCookieSettings(issuer, signIn.cookieKeys()),
    expiresWithSession: async (_ctx, source) => isConsole(source),
    // First-party clients may omit the scope. Only `openid` is ever granted.
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
    loadExistingGrant: findOrCreateGrant,
    pkce: { required: () => true },
    responseTypes: ['code'],
    // Each use issues a new one, and a second use of an old one ends the grant (RFC 9700 4.14.2).
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
      // Counted from sign-in and not extended by use; before sign-in, the time to type a code. Each use saves the session
      // again, so that the policy checks its age too.
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
          const login = session?.accountId && (await principals.findDisplayName(session.accountId));
          showSignOut(ctx, {
            action: ctx.oidc.urlFor('end_session_confirm'),
            xsrf: getXsrfToken(ctx),
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
 * Returns the grant of the request or creates one. Consent is implicit, because both clients are our own. The console has one
 * grant per session, which its tabs share. Every command line has a grant of its own, so that the sign-out of one, or a stolen
 * refresh token, does not end the others.
 */
async function findOrCreateGrant(ctx: KoaContextWithOIDC) {
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
