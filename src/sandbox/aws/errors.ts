import { Refusal } from '../refusal.ts';

/**
 * HTTP status by error code. Source: cloud-facts.md 1.3; the codes of signatures and of unknown actions are the common errors
 * of AWS query APIs.
 */
const statuses = {
  AccessDenied: 403,
  EntityAlreadyExists: 409,
  ExpiredToken: 403,
  ExpiredTokenException: 400,
  IDPRejectedClaim: 403,
  IncompleteSignature: 403,
  InternalFailure: 500,
  InvalidAction: 400,
  InvalidClientTokenId: 403,
  InvalidIdentityToken: 400,
  InvalidInput: 400,
  LimitExceeded: 409,
  MalformedInput: 400,
  MalformedPolicyDocument: 400,
  MissingAction: 400,
  MissingAuthenticationToken: 403,
  PackedPolicyTooLarge: 400,
  RequestEntityTooLarge: 413,
  ServiceUnavailable: 503,
  SignatureDoesNotMatch: 403,
  Throttling: 400,
  ValidationError: 400,
} as const;

export type AwsCode = keyof typeof statuses;

export function createAwsRefusal(code: AwsCode, message: string): Refusal {
  return new Refusal(statuses[code], code, message);
}

/** One text for a role that does not exist, a condition that fails and a permission that is missing (cloud-facts.md 1.3). */
export function refuseUnauthorized(): Refusal {
  return createAwsRefusal('AccessDenied', 'Not authorized to perform sts:AssumeRoleWithWebIdentity');
}

/** AWS's message has two spaces too (cloud-facts.md 1.3). */
export function refuseUnknownKey(): Refusal {
  return createAwsRefusal(
    'InvalidIdentityToken',
    "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements",
  );
}

/** One text for a bad signature, a key with `key_ops` and an audience that is not registered (cases/aws-facts.md 6, 18, 19). */
export function refuseInvalidToken(): Refusal {
  return createAwsRefusal(
    'InvalidIdentityToken',
    'The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity documentation for requirements.',
  );
}

/** Errors of AWS for an injected fault, by HTTP status. The Throttling code is unverified (cloud-facts.md 1.3). */
const faults: Readonly<Record<number, { code: AwsCode; message: string }>> = {
  413: { code: 'RequestEntityTooLarge', message: 'The request is too large.' },
  429: { code: 'Throttling', message: 'Rate exceeded' },
  503: { code: 'ServiceUnavailable', message: 'The request has failed due to a temporary failure of the server.' },
};

export function createFaultRefusal(status: number): Refusal {
  const row = faults[status];
  if (row) return new Refusal(status, row.code, row.message);
  return new Refusal(500, 'InternalFailure', 'An internal error occurred.');
}
