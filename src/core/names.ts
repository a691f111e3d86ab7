/**
 * Names of groups, workspaces and identities (contract.md). Compared byte by byte. No Unicode, so that no two names look
 * alike.
 */
export const namePattern = /^[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?$/;
export const nameRule = '1 to 64 of lower-case letters, digits, `-` and `_`, the last two neither first nor last';

/**
 * A login must not look like the id of a user or service account, because session names and the audit show logins where such
 * an id would name another principal.
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
 * An id, a path or a login. Other text is refused at the API and not quoted in the error: it could be a token in the wrong
 * field, or text that PostgreSQL does not accept.
 */
export const referencePattern = /^[a-z0-9._@+/-]{1,1400}$/;
export const referenceRule = 'an id, a path or a login';

export function isReference(text: string): boolean {
  return referencePattern.test(text);
}
