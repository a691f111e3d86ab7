import { createAwsRefusal } from './errors.ts';

/**
 * Throws the refusal of a `ProviderId`, which is for OAuth 2.0 access tokens, beside an OIDC token (cases/aws-facts.md 15). The text for
 * Facebook was not observed.
 */
export function checkProviderId(providerId: string | undefined): void {
  if (providerId === undefined) return;
  if (providerId === 'www.amazon.com')
    throw createAwsRefusal('InvalidIdentityToken', 'Provided Token is not a Login With Amazon token');
  if (providerId === 'graph.facebook.com')
    throw createAwsRefusal('IDPRejectedClaim', 'The identity provider rejected the token.');
  throw createAwsRefusal(
    'AccessDenied',
    'Unrecognized OAuth provider. Do not include a provider parameter when submitting OpenIDConnect ID tokens',
  );
}
