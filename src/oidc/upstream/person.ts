import { normalizeEmail } from '../../core/logins.ts';
import { isName } from '../../core/names.ts';
import type { Person } from '../../services/people/signinperson.ts';

/** Characters. Display names are shown and never compared. */
const longestName = 128;
const maximumTeams = 1000;

export type Claims = Readonly<Record<string, unknown>>;

/**
 * Creates a person from an ID token and the userinfo response about the same subject. Claims of the ID token take precedence.
 * `email` and `email_verified` are taken from the same source.
 */
export function createPerson(
  idToken: Claims & { iss: string; sub: string },
  userinfo: Claims,
  teamsClaim?: string,
): Person {
  const all = { ...userinfo, ...idToken };
  const address = 'email' in idToken ? idToken : userinfo;
  return {
    iss: idToken.iss,
    sub: idToken.sub,
    verified_email: readVerifiedEmail(address),
    username: typeof all.preferred_username === 'string' ? all.preferred_username : null,
    display_name: readDisplayName(all.name),
    teams: teamsClaim === undefined ? null : readTeams(all[teamsClaim]),
  };
}

function readVerifiedEmail({ email, email_verified }: Claims): string | null {
  // A boolean in OpenID Connect Core 1.0, 5.1; Amazon Cognito sends a string.
  const isVerified = email_verified === true || email_verified === 'true';
  return isVerified && typeof email === 'string' ? normalizeEmail(email) : null;
}

function readDisplayName(name: unknown): string {
  if (typeof name !== 'string') return '';
  const printable = name
    .toWellFormed()
    .replace(/\p{Cc}/gu, '')
    .trim();
  return [...printable].slice(0, longestName).join('');
}

/** Returns the valid team names of a claim, which is an array or one name. Without the claim the person is in no team. */
function readTeams(claim: unknown): string[] {
  const all = Array.isArray(claim) ? claim : [claim];
  return all.filter((one): one is string => typeof one === 'string' && isName(one)).slice(0, maximumTeams);
}
