import type { Configuration } from 'oidc-provider';
import { clientAssertionAlgorithms, clientAuthMethods, confidentialMethods } from '../core/clientkeys.ts';

/** Metadata of RFC 8414 2 that oidc-provider does not publish by itself. */
export const furtherMetadata: NonNullable<Configuration['discovery']> = {
  introspection_endpoint_auth_methods_supported: confidentialMethods,
  introspection_endpoint_auth_signing_alg_values_supported: clientAssertionAlgorithms,
  revocation_endpoint_auth_methods_supported: clientAuthMethods,
  revocation_endpoint_auth_signing_alg_values_supported: clientAssertionAlgorithms,
};

/**
 * The published members, in this order. oidc-provider lists all that it supports; response modes, PKCE methods and scopes do
 * not apply without an authorization endpoint. The two members after `response_types_supported` are required by OpenID
 * Connect Discovery 1.0, section 3.
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

/**
 * `response_types_supported` is required (RFC 8414 2), and a member without elements must be omitted (3.2). Without an
 * authorization endpoint it has the response type that returns neither a code nor a token.
 */
const withoutPeople = { response_types_supported: ['none'] };

/** Returns the published members of the metadata. */
export function selectMetadata(
  all: Readonly<Record<string, unknown>>,
  isSignInOffered: boolean,
): Record<string, unknown> {
  const names = isSignInOffered ? [...offered, ...offeredToPeople] : offered;
  const values: Readonly<Record<string, unknown>> = { ...all, ...(isSignInOffered ? forPeople : withoutPeople) };
  return Object.fromEntries(names.filter((name) => name in values).map((name) => [name, values[name]]));
}
