import type { Configuration } from 'oidc-provider';
import { clientAssertionAlgorithms } from '../core/clientkeys.ts';

/** Authentication methods of clients at introspection and revocation: all but `none`. */
const confidentialMethods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt'] as const;

export const clientAuthMethods = [...confidentialMethods, 'none'] as const;

/** Metadata of RFC 8414 2 that oidc-provider does not publish by itself. */
export const furtherMetadata: NonNullable<Configuration['discovery']> = {
  introspection_endpoint_auth_methods_supported: confidentialMethods,
  introspection_endpoint_auth_signing_alg_values_supported: clientAssertionAlgorithms,
  revocation_endpoint_auth_methods_supported: clientAuthMethods,
  revocation_endpoint_auth_signing_alg_values_supported: clientAssertionAlgorithms,
};

/**
 * The published members, in this order. oidc-provider lists all that it supports; response modes, PKCE methods and scopes do
 * not apply without an authorization endpoint. `response_types_supported` is required and may be empty (RFC 8414 2); the two
 * members after it are required by OpenID Connect Discovery 1.0, section 3.
 */
const offered = [
  'issuer',
  'token_endpoint',
  'jwks_uri',
  'introspection_endpoint',
  'revocation_endpoint',
  'grant_types_supported',
  'response_types_supported',
  'subject_types_supported',
  'id_token_signing_alg_values_supported',
  'token_endpoint_auth_methods_supported',
  'token_endpoint_auth_signing_alg_values_supported',
  'introspection_endpoint_auth_methods_supported',
  'introspection_endpoint_auth_signing_alg_values_supported',
  'revocation_endpoint_auth_methods_supported',
  'revocation_endpoint_auth_signing_alg_values_supported',
  // If absent, its default is true (OpenID Connect Discovery 1.0, section 3).
  'request_uri_parameter_supported',
];

/** Further members when people can sign in. */
const offeredToPeople = [
  'authorization_endpoint',
  'device_authorization_endpoint',
  'userinfo_endpoint',
  'end_session_endpoint',
  'response_modes_supported',
  'code_challenge_methods_supported',
  'scopes_supported',
  'claims_supported',
  'prompt_values_supported',
  'authorization_response_iss_parameter_supported',
];

/** oidc-provider lists more response modes and prompts than Arsia offers. */
const forPeople = { response_modes_supported: ['query'], prompt_values_supported: ['none', 'login', 'select_account'] };

/** Returns the published members of the metadata. */
export function selectMetadata(
  all: Readonly<Record<string, unknown>>,
  isSignInOffered: boolean,
): Record<string, unknown> {
  const names = isSignInOffered ? [...offered, ...offeredToPeople] : offered;
  const values: Readonly<Record<string, unknown>> = isSignInOffered ? { ...all, ...forPeople } : all;
  return Object.fromEntries(names.filter((name) => name in values).map((name) => [name, values[name]]));
}
