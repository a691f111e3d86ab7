/**
 * Every refusal and failure that leaves Arsia has a code from this table; `http/kernel/problem.ts` and the OAuth side map it outward.
 * `status` is the HTTP status outside OAuth (RFC 9457), `oauth` the error at `/oauth2/token` (RFC 6749 5.2, RFC 8693 2.2.2),
 * `title` is public and constant, `advice` says what to change when the thrower knows nothing better.
 */
const table = {
  invalid_request: row(
    400,
    'invalid_request',
    'The request is not valid',
    'Correct the named fields and send it again.',
  ),
  body_too_large: row(413, 'invalid_request', 'The body is too large', 'Send less than the limit that `detail` names.'),
  unsupported_media_type: row(
    415,
    'invalid_request',
    'The media type is not supported',
    'Send `Content-Type: application/json`.',
  ),
  method_not_allowed: row(
    405,
    'invalid_request',
    'The method is not allowed here',
    'Use a method that the `Allow` header names.',
  ),
  unauthenticated: row(
    401,
    'invalid_request',
    'The caller is not authenticated',
    'Send a live token as `Authorization: Bearer <token>`.',
  ),
  job_ended: row(
    401,
    'invalid_request',
    'The job has ended',
    'Start a new job; the token of an ended job opens nothing.',
  ),
  forbidden: row(
    403,
    'invalid_target',
    'The caller lacks the permission',
    'Ask an owner for the role or right that `detail` names.',
  ),
  user_inactive: row(
    403,
    'invalid_request',
    'The user of the job is deactivated',
    'Ask an owner to activate the user, or run the job for another one.',
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
  not_found: row(404, 'invalid_target', 'There is no such thing, or you may not see it', 'Check the id or path.'),
  identity_not_assigned: row(
    403,
    'invalid_target',
    'The managed identity is not assigned to the workspace of the job',
    'Ask somebody with deployer on the workspace and the right to use the identity to assign it.',
  ),
  access_rule_refused: row(
    403,
    'invalid_target',
    'The access rules of the identity do not admit this job',
    'Run the job with what the rule wants, or ask an owner of the identity to change its rules.',
  ),
  identity_needs_user: row(
    403,
    'invalid_target',
    'The identity names a user in its subject and the job runs for none',
    'Run the job for a user, or choose another `subject_scope`.',
  ),
  subject_not_granted: row(
    403,
    'invalid_target',
    'The launcher may not have a token of this identity that names this user',
    'Ask an owner at the group of the identity to grant the right to act there, or to name the launcher for the identity.',
  ),
  delivery_refused: row(
    403,
    'invalid_target',
    'The identity does not deliver this',
    'Use the other endpoint, or change the `delivery` of the identity.',
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
    'The identity provider did not answer as it should',
    'Try again; if it goes on, tell the operator the request id.',
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
    'Check the id or path of the service account; its owners add a trust rule for the issuer.',
  ),
  issuer_unavailable: row(
    503,
    'temporarily_unavailable',
    'The outside issuer did not answer as it should',
    'Try again after `Retry-After` seconds; check that the discovery document and the keys of the issuer are public.',
  ),
  conflict: row(
    409,
    'invalid_request',
    'This would break a rule that holds now',
    'Read `detail`, change what stands in the way and try again.',
  ),
  quota_exceeded: row(
    409,
    'invalid_request',
    'A quota is reached',
    'Delete what is no longer needed, or ask an operator to raise the quota that `detail` names.',
  ),
  request_in_progress: row(
    409,
    'invalid_request',
    'A request with this idempotency key is being answered',
    'Wait for that answer, or send this one again after `Retry-After` seconds.',
  ),
  precondition_failed: row(
    412,
    'invalid_request',
    'The precondition of the request does not hold',
    'Read it again, and send the change with `If-Match` of what you read.',
  ),
  idempotency_key_reused: row(
    422,
    'invalid_request',
    'The idempotency key belongs to another request',
    'Send another request with a key of its own.',
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
    'The claims of this token would be refused or misread by clouds',
    'Correct the settings that `detail` names.',
  ),
  not_supported: row(422, 'invalid_request', 'This is not supported yet', 'Use what `detail` names as supported.'),
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
    'Read the code and the message of the cloud.',
  ),
  cloud_unavailable: row(
    502,
    'temporarily_unavailable',
    'The cloud did not answer as it should',
    'Try again; if it goes on, look at the state page of the cloud.',
  ),
  cloud_timeout: row(
    504,
    'temporarily_unavailable',
    'The cloud did not answer in time',
    'Try again; check that Arsia reaches the endpoint of the cloud.',
  ),
  busy: row(
    503,
    'temporarily_unavailable',
    'Too many requests wait for this cloud',
    'Try again after `Retry-After` seconds.',
  ),
  unavailable: row(
    503,
    'temporarily_unavailable',
    'Arsia cannot decide or record right now',
    'Try again after `Retry-After` seconds; nothing was issued.',
  ),
  internal: row(500, 'server_error', 'Something went wrong inside Arsia', 'Tell the operator the request id.'),
} as const;

export type ErrorCode = keyof typeof table;

export interface ErrorRow {
  status: number;
  oauth: 'invalid_request' | 'invalid_target' | 'temporarily_unavailable' | 'server_error';
  title: string;
  advice: string;
}

export const errorTable: Readonly<Record<ErrorCode, ErrorRow>> = table;

/** A field of the request that is wrong: `pointer` is a JSON pointer (RFC 6901) into the body, or a parameter's name. */
export interface FieldFault {
  pointer: string;
  detail: string;
}

export interface ErrorMore {
  /** What to change, where, and the value to paste; replaces the table's advice. */
  advice?: string;
  fields?: FieldFault[];
  /** The trust condition that failed, what the document demands and what the token carries. */
  condition?: string;
  expected?: string;
  actual?: string;
  /** The cloud's own words, scrubbed of tokens. */
  cloud?: { provider: string; code: string; status?: number; message: string };
  /** Seconds until another try makes sense. */
  retry_after?: number;
  cause?: unknown;
}

/** The one error type that crosses Arsia's layers. `detail` is public: never put a secret or a token in it. */
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

/** Any thrown value as an ArsiaError; what has no code is `internal`, and its text stays inside as the cause. */
export function asArsiaError(thrown: unknown): ArsiaError {
  if (thrown instanceof ArsiaError) return thrown;
  return new ArsiaError('internal', 'An error that Arsia did not expect; the log has it under the request id.', {
    cause: thrown,
  });
}

function row(status: number, oauth: ErrorRow['oauth'], title: string, advice: string): ErrorRow {
  return { status, oauth, title, advice };
}
