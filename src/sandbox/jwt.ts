import { compactVerify, decodeJwt, decodeProtectedHeader, importJWK, type JWK } from 'jose';
import { isObject } from '../core/json.ts';

/** A decoded JWT that is not verified. */
export interface DecodedToken {
  header: Record<string, unknown>;
  claims: Record<string, unknown>;
}

/** Decodes a token. Returns undefined when it is not a JWS in compact form with two JSON objects. */
export function decodeToken(token: string): DecodedToken | undefined {
  try {
    const header: unknown = decodeProtectedHeader(token);
    const claims: unknown = decodeJwt(token);
    return isObject(header) && isObject(claims) ? { header, claims } : undefined;
  } catch {
    return undefined;
  }
}

/** Returns whether this key verifies the token with the algorithm of its header, which must be among `algorithms`. */
export async function isSignedBy(token: string, jwk: JWK, algorithms: readonly string[]): Promise<boolean> {
  try {
    const { alg } = decodeProtectedHeader(token);
    if (alg === undefined || (jwk.alg !== undefined && jwk.alg !== alg)) return false;
    await compactVerify(token, await importJWK(jwk, alg), { algorithms: [...algorithms] });
    return true;
  } catch {
    return false;
  }
}

/** Returns whether a value is a NumericDate in whole seconds. */
export function isWholeSeconds(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

export function listAudiences(claims: Readonly<Record<string, unknown>>): string[] {
  const listed = Array.isArray(claims.aud) ? claims.aud : [claims.aud];
  return listed.filter((one) => typeof one === 'string');
}
