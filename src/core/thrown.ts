/** Returns a thrown value as an Error. JavaScript can throw values that are no Error. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/**
 * Returns the `code` of a thrown value: a system error code (`ENOENT`) or an SQLSTATE. Looks at its shape and not its class,
 * because errors of the file system may come from another realm.
 */
export function errorCode(thrown: unknown): string | undefined {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return undefined;
  return typeof thrown.code === 'string' ? thrown.code : undefined;
}
