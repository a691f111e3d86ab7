import { ClientError, ResponseBodyError, WWWAuthenticateChallengeError } from 'openid-client';
import { isObject, type JsonObject } from '../../core/json.ts';
import { errorCode } from '../../core/thrown.ts';

const unknownHost = 'its host name is unknown here (ARSIA_SIGN_IN_ISSUER, or the DNS of this server)';
const notReached = 'it cannot be reached from this server (ARSIA_SIGN_IN_ISSUER, or a firewall)';
const late = 'it did not respond in time';
const untrusted = 'this server does not trust the authority of its certificate (ARSIA_EXTRA_CA_FILE)';
const otherHost = 'its certificate is for another host or has expired (ARSIA_SIGN_IN_ISSUER)';
const noDocument = 'it has no discovery document at this issuer (ARSIA_SIGN_IN_ISSUER)';
const otherIssuer = 'its discovery document is that of another issuer (ARSIA_SIGN_IN_ISSUER, byte for byte)';
const unknownClient = 'it refuses the client or its secret (ARSIA_SIGN_IN_CLIENT_ID, ARSIA_SIGN_IN_CLIENT_SECRET_FILE)';
const notRegistered =
  'it does not allow this client the authorization code grant (the registration of ARSIA_SIGN_IN_CLIENT_ID)';
const scopes = 'it refuses a scope (ARSIA_SIGN_IN_SCOPES)';

/** Explanations by the code of an error or of one of its causes: of Node.js, of openid-client, or of OAuth. */
const explanations: Readonly<Record<string, string>> = {
  ENOTFOUND: unknownHost,
  EAI_AGAIN: unknownHost,
  ECONNREFUSED: notReached,
  ECONNRESET: notReached,
  EHOSTUNREACH: notReached,
  ENETUNREACH: notReached,
  ETIMEDOUT: notReached,
  UND_ERR_CONNECT_TIMEOUT: notReached,
  OAUTH_TIMEOUT: late,
  OAUTH_ABORT: late,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  ERR_TLS_CERT_ALTNAME_INVALID: otherHost,
  CERT_HAS_EXPIRED: otherHost,
  invalid_client: unknownClient,
  unauthorized_client: notRegistered,
  unsupported_response_type: notRegistered,
  invalid_scope: scopes,
};

/** Explanations of the same for the metadata, where the issuer is the only setting that was used. */
const metadataExplanations: Readonly<Record<string, string>> = {
  OAUTH_RESPONSE_IS_NOT_CONFORM: noDocument,
  OAUTH_RESPONSE_IS_NOT_JSON: noDocument,
  OAUTH_PARSE_ERROR: noDocument,
  OAUTH_INVALID_RESPONSE: noDocument,
  OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED: otherIssuer,
};

/**
 * Returns what is wrong with the provider or its settings, in words that name the setting; undefined where that is not
 * known. `part` is the part of the sign-in that failed. Quotes nothing that the provider sent.
 */
export function explainFault(thrown: unknown, part: 'metadata' | 'tokens'): string | undefined {
  // By their shape and not their class: errors of `fetch` may come from another realm.
  for (let error = thrown, depth = 0; isObject(error) && depth < 5; error = error.cause, depth++) {
    const explanation = explainOne(error, part);
    if (explanation !== undefined) return explanation;
  }
  return undefined;
}

/** Returns the explanation of an OAuth error code in a response. */
export function explainOAuthError(error: string): string | undefined {
  return Object.hasOwn(explanations, error) ? explanations[error] : undefined;
}

function explainOne(error: JsonObject, part: 'metadata' | 'tokens'): string | undefined {
  if (error instanceof ResponseBodyError) return explainOAuthError(error.error);
  // RFC 6749 5.2: a client that sent its secret in `Authorization` may be refused by a challenge.
  if (error instanceof WWWAuthenticateChallengeError)
    return error.cause.some(({ scheme }) => scheme === 'basic') ? unknownClient : undefined;
  const code = errorCode(error);
  if (code === undefined) return undefined;
  if (part === 'metadata' && Object.hasOwn(metadataExplanations, code)) return metadataExplanations[code];
  if (Object.hasOwn(explanations, code)) return explanations[code];
  const status = error instanceof ClientError && isObject(error.cause) ? error.cause.status : undefined;
  return typeof status === 'number' ? `it responded with HTTP ${status}` : undefined;
}
