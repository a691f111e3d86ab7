/** Names as contract.md has them. Compared byte by byte: no case folding, no Unicode, so no two names look alike. */
export const namePattern = /^[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?$/;
export const nameRule = '1 to 64 of lower-case letters, digits, `-` and `_`, the last two neither first nor last';

/**
 * None has the shape of the id of a user or a service account: where the login stands, in session names and in the audit, it
 * would name another one.
 */
export const loginPattern = /^(?!(?:usr|sa)_[0-7][0-9a-hjkmnp-tv-z]{25}$)[a-z0-9._@+-]{1,64}$/;
export const loginRule =
  '1 to 64 of lower-case letters, digits and `._@+-`, and not the id of a user or a service account';

/** A kind of identity: the wire name of a provider. A name too, so that a request can ask for an identity by its type. */
export const identityTypePattern = /^[a-z][a-z_]{0,31}$/;

export function isName(text: string): boolean {
  return namePattern.test(text);
}

export function isLogin(text: string): boolean {
  return loginPattern.test(text);
}

/**
 * What can name a thing: an id, a path or a login. Anything else is refused where it comes in, unquoted: it could be a token
 * that was sent in the wrong field, or text that the database does not take.
 */
export const referencePattern = /^[a-z0-9._@+/-]{1,1400}$/;
export const referenceRule = 'an id, a path or a login';

export function isReference(text: string): boolean {
  return referencePattern.test(text);
}
