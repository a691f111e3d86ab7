import { isLogin } from './names.ts';

/** Characters. Less than the 64 of a login, so that a suffix can make the login unique. */
const longestProposal = 56;

/** Claims of an identity provider from which a login is derived. */
export interface Naming {
  /** Lower-case; null unless the provider states that it verified the address. */
  verified_email: string | null;
  /** `preferred_username`, which people can often choose themselves. */
  username: string | null;
}

/**
 * Proposes the login of a new user. Only a verified address may look like an address: a person who chooses their user name at
 * the provider must not appear under the address of another person in session names and in the audit.
 */
export function proposeLogin({ verified_email, username }: Naming): string {
  if (verified_email !== null && verified_email.length <= longestProposal && isLogin(verified_email))
    return verified_email;
  const plain = (username ?? '')
    .toLowerCase()
    .replace(/@.*/s, '')
    .replace(/[^a-z0-9._+-]/g, '')
    .slice(0, longestProposal);
  return isLogin(plain) ? plain : 'user';
}

/**
 * Returns an email address in lower case, or null when the text is no ASCII address. Unicode is refused because the Kelvin
 * sign lower-cases to `k`: two addresses would become one.
 */
export function normalizeEmail(text: string): string | null {
  return text.length <= 254 && address.test(text) ? text.toLowerCase() : null;
}

/** The pattern of `<input type="email">` in the HTML standard. */
const address =
  /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/;
