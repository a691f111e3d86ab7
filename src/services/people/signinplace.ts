import { ArsiaError } from '../../core/errors.ts';

/** The identity provider where people sign in; undefined where sign-in is not configured. */
export type SignInPlace = { issuer: string } | undefined;

/** Returns the provider. Throws `conflict` without one: what waits for a sign-in would wait for ever. */
export function requireSignIn(signIn: SignInPlace, consequence: string): { issuer: string } {
  if (signIn !== undefined) return signIn;
  throw new ArsiaError('conflict', `${consequence}: sign-in is not configured.`, {
    advice:
      'Set ARSIA_SIGN_IN_ISSUER, ARSIA_SIGN_IN_CLIENT_ID and ARSIA_SIGN_IN_CLIENT_SECRET_FILE on the server (docs/sign-in.md).',
  });
}
