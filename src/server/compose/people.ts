import { anonymous } from '../../core/principals.ts';
import type { SignInParts } from '../../oidc/ports.ts';
import { createAuthorizationServer } from '../../oidc/server.ts';
import { createUpstream } from '../../oidc/upstream/upstream.ts';
import { createAuthorizationPorts } from '../../services/issuing/authorization.ts';
import { limitArtifacts } from '../../services/issuing/limitedartifacts.ts';
import { createOutsideExchange } from '../../services/issuing/outsidetokens.ts';
import { createOperators, type Operators } from '../../services/people/operators.ts';
import { createSignIn } from '../../services/people/signin.ts';
import type { Config } from '../config/config.ts';
import type { SettingsFiles } from '../config/files.ts';
import type { Actions } from './actions.ts';
import type { Issuing } from './issuing.ts';
import type { Stored, Surroundings } from './stored.ts';

export type People = ReturnType<typeof composePeople>;

/** Builds the authorization server with its sign-in, and the operators, whose access tokens it issues. */
export function composePeople(
  config: Config,
  files: SettingsFiles,
  { stored, issuing, actions }: { stored: Stored; issuing: Issuing; actions: Actions },
  { clock, log }: Surroundings,
) {
  const { database, keys } = stored;
  const { audit } = stored.trail;
  const { mint, outbound, verifier } = issuing;
  const { pipeline, quotas } = actions;
  const artifacts = limitArtifacts({ artifacts: stored.artifacts, quotas, database, clock });
  const upstream = upstreamOf(config, files);
  const authorization = createAuthorizationServer({
    issuer: config.issuer,
    clock,
    log,
    artifacts,
    keys: keys.authorization,
    outside: createOutsideExchange({ database, audit, artifacts, verifier, clock }),
    signIn: upstream && {
      upstream: createUpstream(upstream, { clock, outbound }),
      people: createSignIn({ pipeline, users: upstream.users }),
      openLink: linkOpener((...redemption) => operators.redeem(...redemption)),
      cookieKeys: () => [Buffer.from(stored.cookies.current()).toString('base64url')],
    },
    ...createAuthorizationPorts({ database, audit, mint, clock }),
  });
  const { issueAccessToken } = authorization;
  const operators: Operators = createOperators({
    pipeline,
    tenancy: config.tenancy,
    now: clock.now,
    issueAccessToken,
  });
  return { authorization, operators };
}

/** Returns the OpenID provider where people sign in; undefined when the settings name none. */
function upstreamOf({ issuer, signIn }: Config, { signInSecret }: SettingsFiles) {
  if (signIn === undefined || signInSecret === undefined) return undefined;
  return {
    issuer: signIn.issuer,
    client_id: signIn.clientId,
    client_secret: signInSecret,
    redirect_uri: `${issuer}/oauth2/callback`,
    scopes: signIn.scopes,
    teams_claim: signIn.teamsClaim,
    users: signIn.users,
  };
}

function linkOpener(redeem: Operators['redeem']): SignInParts['openLink'] {
  return async (link, origin) => {
    const { user, organization, token } = await redeem({ caller: anonymous, origin }, link);
    const { access_token, expires_at } = token;
    return {
      user_id: user.id,
      login: user.login,
      ...(organization !== null && { organization }),
      access_token,
      expires_at: expires_at.toISOString(),
    };
  };
}
