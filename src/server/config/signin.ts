import { isHttpUrl } from './issuer.ts';
import { group, type RelationContext, setting, type ValuesOf } from './setting.ts';
import { oneOf, scopes, signInIssuer, text } from './values.ts';

const settings = {
  issuer: setting({
    variable: 'ARSIA_SIGN_IN_ISSUER',
    meaning: 'issuer URL of the OpenID provider where people sign in, exactly as in its ID tokens',
    parse: signInIssuer,
  }),
  clientId: setting({
    variable: 'ARSIA_SIGN_IN_CLIENT_ID',
    meaning: 'client id of Arsia at this provider; the redirect URI is `<ARSIA_ISSUER>/oauth2/callback`',
    parse: text,
  }),
  clientSecretFile: setting({
    variable: 'ARSIA_SIGN_IN_CLIENT_SECRET_FILE',
    meaning: 'file with the client secret',
    parse: text,
  }),
  scopes: setting({
    variable: 'ARSIA_SIGN_IN_SCOPES',
    meaning: 'scopes to request from this provider; `openid` is required',
    default: 'openid email profile',
    parse: scopes,
  }),
  users: setting({
    variable: 'ARSIA_SIGN_IN_USERS',
    meaning:
      'who becomes a user: `anyone` who can sign in at this provider, or only `invited` people. Default: anyone with single tenancy, invited with multi',
    parse: oneOf('anyone', 'invited'),
  }),
  teamsClaim: setting({
    variable: 'ARSIA_SIGN_IN_TEAMS_CLAIM',
    meaning: "claim of the ID token or of userinfo with the names of the person's teams",
    parse: text,
  }),
};

export const signInGroup = group({ title: 'Sign-in', settings, relationFaults });

/** Returns the sign-in of a valid environment; undefined when it is off. */
export function signInOf(values: ValuesOf<typeof settings>, tenancy: 'single' | 'multi') {
  const { issuer, clientId, clientSecretFile, users = tenancy === 'multi' ? 'invited' : 'anyone' } = values;
  if (issuer === undefined || clientId === undefined || clientSecretFile === undefined) return undefined;
  return { ...values, issuer, clientId, clientSecretFile, users };
}

const required = ['ARSIA_SIGN_IN_ISSUER', 'ARSIA_SIGN_IN_CLIENT_ID', 'ARSIA_SIGN_IN_CLIENT_SECRET_FILE'];

function relationFaults({ env, values }: RelationContext): string[] {
  const missing = required.filter((name) => env[name] === undefined);
  const isOff = missing.length === required.length;
  const optional = Object.values(settings).filter(({ variable }) => !required.includes(variable));
  return [
    ...(isOff ? [] : missing).map(
      (name) => `${name} is missing: sign-in needs ${required.join(', ')}, or none of them`,
    ),
    ...optional
      .filter(({ variable }) => isOff && env[variable] !== undefined)
      .map(({ variable }) => `${variable} is set without ARSIA_SIGN_IN_ISSUER`),
    ...(values.ARSIA_SIGN_IN_USERS === 'anyone' && values.ARSIA_TENANCY === 'multi'
      ? [
          'ARSIA_SIGN_IN_USERS must be invited with ARSIA_TENANCY=multi: the organisation of a new user would be unknown',
        ]
      : []),
    ...(isHttpUrl(values.ARSIA_SIGN_IN_ISSUER) && !isHttpUrl(values.ARSIA_ISSUER)
      ? ['ARSIA_SIGN_IN_ISSUER must be https: http is for development, where ARSIA_ISSUER is on loopback too']
      : []),
  ];
}
