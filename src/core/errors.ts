/**
 * The codes of all refusals and failures. `http/kernel/problem.ts` and `oidc/errors.ts` render them. `status` is the HTTP status
 * outside OAuth (RFC 9457), `oauth` the error at `/oauth2/token` (RFC 6749 5.2, RFC 8693 2.2.2). `title` is public and
 * constant. `advice` is the default: the code that throws the error replaces it where it knows more.
 */
const table = {
  invalid_request: row(
    400,
    'invalid_request',
    'The request is not valid',
    'Correct the fields that `errors` lists, or what `detail` states, and send the request again.',
  ),
  body_too_large: row(
    413,
    'invalid_request',
    'The body is too large',
    'Send a body below the limit that `detail` states.',
  ),
  unsupported_media_type: row(
    415,
    'invalid_request',
    'The media type is not supported',
    'Send `Content-Type: application/json`.',
  ),
  method_not_allowed: row(
    405,
    'invalid_request',
    'The method is not allowed for this path',
    'Use a method that the `Allow` header lists.',
  ),
  unauthenticated: row(
    401,
    'invalid_request',
    'The caller is not authenticated',
    'Send a valid token as `Authorization: Bearer <token>`.',
  ),
  job_ended: row(
    401,
    'invalid_request',
    'The job has ended',
    'Start a new job. The token of an ended job is no longer valid.',
  ),
  forbidden: row(
    403,
    'invalid_target',
    'The caller lacks the permission',
    'Ask an owner for the role or right that `detail` states.',
  ),
  user_inactive: row(
    403,
    'invalid_request',
    'The user of the job is deactivated',
    'Ask an owner to activate the user, or run the job for another user.',
  ),
  launcher_inactive: row(
    403,
    'invalid_request',
    'The launcher of the job is deactivated',
    'Ask an owner to activate the service account.',
  ),
  user_lacks_role: row(
    403,
    'invalid_request',
    'The user of the job may no longer deploy in its workspace',
    'Ask an owner for the deployer role on the workspace.',
  ),
  launcher_may_not_act: row(
    403,
    'invalid_request',
    'The launcher may no longer act for the user of the job',
    'Ask an owner to let the service account act for this user, stage and labels.',
  ),
  not_found: row(404, 'invalid_target', 'The resource does not exist, or you may not see it', 'Check the id or path.'),
  identity_not_assigned: row(
    403,
    'invalid_target',
    'The managed identity is not assigned to the workspace of the job',
    'Ask a deployer of the workspace who may use the identity to assign it.',
  ),
  access_rule_refused: row(
    403,
    'invalid_target',
    'The access rules of the identity do not admit this job',
    'Run the job with values that `expected` allows, or ask an owner of the identity to change its rules.',
  ),
  identity_needs_user: row(
    403,
    'invalid_target',
    'The subject of the identity names a user, and the job has no user',
    'Run the job for a user, or choose another `subject_scope`.',
  ),
  subject_not_granted: row(
    403,
    'invalid_target',
    'The launcher may not get a token of this identity that names this user',
    'Ask an owner at the group of the identity to grant the right to act there, or to name the launcher for the identity.',
  ),
  delivery_refused: row(
    403,
    'invalid_target',
    'The `delivery` of the identity does not allow this endpoint',
    'Use the other endpoint (`/api/v1/tokens` or `/api/v1/credentials`), or change the `delivery` of the identity.',
  ),
  sign_in_refused: row(
    403,
    'invalid_request',
    'The sign-in was refused',
    'Ask an owner of the organisation to invite you, then sign in again.',
  ),
  sign_in_unavailable: row(
    502,
    'temporarily_unavailable',
    'The identity provider did not respond correctly',
    'Try again. If it fails again, give the operator the request id.',
  ),
  outside_token_refused: row(
    403,
    'invalid_request',
    'The token of the outside issuer was refused',
    'Compare its claims with the trust rules of the service account.',
  ),
  outside_token_untrusted: row(
    403,
    'invalid_target',
    'No service account of this name trusts the issuer of the token',
    'Check the id or path of the service account, or ask its owners to add a trust rule for the issuer.',
  ),
  issuer_unavailable: row(
    503,
    'temporarily_unavailable',
    'The outside issuer did not respond correctly',
    'Check that the discovery document and the keys of the issuer are public, and try again after `Retry-After` seconds.',
  ),
  conflict: row(
    409,
    'invalid_request',
    'The request conflicts with the current state',
    'Resolve the conflict that `detail` states, and send the request again.',
  ),
  quota_exceeded: row(
    409,
    'invalid_request',
    'A quota is reached',
    'Delete what is no longer needed, or ask an operator to raise the quota that `detail` states.',
  ),
  request_in_progress: row(
    409,
    'invalid_request',
    'A request with this idempotency key is in progress',
    'Wait for its response, or send this request again after `Retry-After` seconds.',
  ),
  precondition_failed: row(
    412,
    'invalid_request',
    'The precondition of the request failed',
    'Read the resource again, and send the change with its current `ETag` in `If-Match`.',
  ),
  idempotency_key_reused: row(
    422,
    'invalid_request',
    'The idempotency key belongs to another request',
    'Send each different request with a new `Idempotency-Key`.',
  ),
  too_many_requests: row(
    429,
    'temporarily_unavailable',
    'Too many requests from this caller',
    'Try again after `Retry-After` seconds, and send fewer at once.',
  ),
  claims_refused: row(
    422,
    'invalid_target',
    'Clouds would refuse or misread the claims of this token',
    'Correct the settings that `detail` states.',
  ),
  not_supported: row(
    422,
    'invalid_request',
    'This is not supported yet',
    'Use an alternative that `detail` lists as supported.',
  ),
  settings_unreadable: row(
    500,
    'server_error',
    'The stored settings of the managed identity cannot be read',
    'Set all settings of the identity again.',
  ),
  cloud_denied: row(
    403,
    'invalid_target',
    'The cloud refused the exchange',
    'Compare the trust document at the cloud with the one that Arsia generates for this identity.',
  ),
  cloud_refused: row(
    502,
    'invalid_target',
    'The cloud could not use the token',
    'Read the error code and the message of the cloud in `cloud`.',
  ),
  cloud_unavailable: row(
    502,
    'temporarily_unavailable',
    'The cloud did not respond correctly',
    'Try again. If it fails again, check the status page of the cloud.',
  ),
  cloud_timeout: row(
    504,
    'temporarily_unavailable',
    'The cloud did not respond in time',
    'Try again. If it fails again, check that Arsia can reach the endpoint of the cloud.',
  ),
  busy: row(
    503,
    'temporarily_unavailable',
    'Too many requests are waiting for this cloud',
    'Try again after `Retry-After` seconds.',
  ),
  unavailable: row(
    503,
    'temporarily_unavailable',
    'Arsia cannot decide or record the request at the moment',
    'Try again after `Retry-After` seconds. Nothing was issued.',
  ),
  internal: row(500, 'server_error', 'An internal error occurred in Arsia', 'Give the operator the request id.'),
} as const;

export type ErrorCode = keyof typeof table;

export interface ErrorRow {
  status: number;
  oauth: 'invalid_request' | 'invalid_target' | 'temporarily_unavailable' | 'server_error';
  title: string;
  advice: string;
}

export const errorTable: Readonly<Record<ErrorCode, ErrorRow>> = table;

/** A fault of one field. `pointer` is a JSON pointer (RFC 6901) into the body, or the name of a parameter. */
export interface FieldFault {
  pointer: string;
  detail: string;
}

export interface ErrorMore {
  /** Replaces the advice of the table: the change to make, where, and the value to paste. */
  advice?: string;
  fields?: FieldFault[];
  /** Members of the request that are not valid, for the audit: only names of the schema, since a pointer can hold any text. */
  members?: string[];
  /** The trust condition that failed, the value that the document requires, and the value in the token. */
  condition?: string;
  expected?: string;
  actual?: string;
  /** The error of the cloud, with tokens removed. */
  cloud?: { provider: string; code: string; status?: number; message: string };
  /** Seconds until the next attempt can succeed. */
  retry_after?: number;
  cause?: unknown;
}

/** The error type of all layers. `detail` is public: it must not contain a secret or a token. */
export class ArsiaError extends Error {
  readonly code: ErrorCode;
  readonly more: ErrorMore;

  constructor(code: ErrorCode, detail: string, more: ErrorMore = {}) {
    super(detail, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = 'ArsiaError';
    this.code = code;
    this.more = more;
  }

  get row(): ErrorRow {
    return errorTable[this.code];
  }

  get advice(): string {
    return this.more.advice ?? this.row.advice;
  }
}

/** Returns a thrown ArsiaError as it is, and any other value as `internal` with the value as its cause, which is not public. */
export function asArsiaError(thrown: unknown): ArsiaError {
  if (thrown instanceof ArsiaError) return thrown;
  return new ArsiaError(
    'internal',
    'An unexpected error occurred. The log of the server has it under the request id.',
    {
      cause: thrown,
    },
  );
}

function row(status: number, oauth: ErrorRow['oauth'], title: string, advice: string): ErrorRow {
  return { status, oauth, title, advice };
}
