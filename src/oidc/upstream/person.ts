import { normalizeEmail } from '../../core/logins.ts';
import { isName } from '../../core/names.ts';
import type { Person } from '../../services/people/signinoptions.ts';

/** Characters; what a person is called is shown, never compared. */
const longestName = 128;
const maximumTeams = 1000;

export type Claims = Readonly<Record<string, unknown>>;

/**
 * The person of an ID token and, where it says more, of the userinfo answer about the same subject. What the ID token says
 * wins; an address and whether it is verified come from one and the same place.
 */
export function personOf(
  idToken: Claims & { iss: string; sub: string },
  userinfo: Claims,
  teamsClaim?: string,
): Person {
  const all = { ...userinfo, ...idToken };
  const address = 'email' in idToken ? idToken : userinfo;
  return {
    iss: idToken.iss,
    sub: idToken.sub,
    verified_email: verifiedEmail(address),
    username: typeof all.preferred_username === 'string' ? all.preferred_username : null,
    display_name: displayName(all.name),
    teams: teamsClaim === undefined ? null : teamsOf(all[teamsClaim]),
  };
}

function verifiedEmail({ email, email_verified }: Claims): string | null {
  // A boolean by OpenID Connect Core 1.0, 5.1; Amazon Cognito sends it as text.
  const isVerified = email_verified === true || email_verified === 'true';
  return isVerified && typeof email === 'string' ? normalizeEmail(email) : null;
}

function displayName(name: unknown): string {
  if (typeof name !== 'string') return '';
  const printable = name
    .toWellFormed()
    .replace(/\p{Cc}/gu, '')
    .trim();
  return [...printable].slice(0, longestName).join('');
}

/** An array of names, or one name, of those that a team can have; a claim that is absent puts the person into no team. */
function teamsOf(claim: unknown): string[] {
  const all = Array.isArray(claim) ? claim : [claim];
  return all.filter((one): one is string => typeof one === 'string' && isName(one)).slice(0, maximumTeams);
}
