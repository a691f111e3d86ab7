import { isLogin } from './names.ts';

/** Of the 64 characters of a login, so that a suffix fits behind it. */
const longestProposal = 56;

/** What an identity provider says of somebody that a login can be made of. */
export interface Naming {
  /** Lower-case; null unless the provider says that it verified it. */
  verified_email: string | null;
  /** `preferred_username`: often the person's own choice. */
  username: string | null;
}

/**
 * The login that a new user would like. Only a verified address may look like an address: whoever chooses their own user
 * name at the provider must not appear as somebody else in session names and in the audit.
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
 * An address as it is compared: ASCII, lower-case; null for what is none. Unicode is left out altogether: the Kelvin sign
 * lower-cases to `k`, and two addresses would become one.
 */
export function canonicalEmail(text: string): string | null {
  return text.length <= 254 && address.test(text) ? text.toLowerCase() : null;
}

/** As HTML's `<input type="email">` has it. */
const address =
  /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/;
