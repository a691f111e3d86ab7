import type { Configuration } from 'oidc-provider';
import { clientAssertionAlgorithms } from '../core/clientkeys.ts';

/** How a client proves itself where it must (introspection, revocation): every method but `none`. */
const confidentialMethods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt'] as const;

export const clientAuthMethods = [...confidentialMethods, 'none'] as const;

/** RFC 8414 2: what oidc-provider does not say by itself. */
export const furtherMetadata: NonNullable<Configuration['discovery']> = {
  introspection_endpoint_auth_methods_supported: confidentialMethods,
  introspection_endpoint_auth_signing_alg_values_supported: clientAssertionAlgorithms,
  revocation_endpoint_auth_methods_supported: clientAuthMethods,
  revocation_endpoint_auth_signing_alg_values_supported: clientAssertionAlgorithms,
};

/**
 * The members that are told, in this order. oidc-provider writes down what it could do; without an authorization endpoint
 * its response modes, PKCE methods and scopes are not offered. `response_types_supported` is required (RFC 8414 2), and
 * empty says that there are none; the two after it are required by OpenID Connect Discovery 1.0, section 3.
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
  // Absent would mean true (OpenID Connect Discovery 1.0, section 3).
  'request_uri_parameter_supported',
];

/** Beside these, where people can sign in. */
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

/** oidc-provider knows more response modes and prompts than Arsia has. */
const forPeople = { response_modes_supported: ['query'], prompt_values_supported: ['none', 'login', 'select_account'] };

export function offeredMetadata(
  all: Readonly<Record<string, unknown>>,
  isSignInOffered: boolean,
): Record<string, unknown> {
  const names = isSignInOffered ? [...offered, ...offeredToPeople] : offered;
  const told: Readonly<Record<string, unknown>> = isSignInOffered ? { ...all, ...forPeople } : all;
  return Object.fromEntries(names.filter((name) => name in told).map((name) => [name, told[name]]));
}
