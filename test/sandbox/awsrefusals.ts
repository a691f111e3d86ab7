import { expect } from '@jest/globals';
import { elementOf, type Reply } from './clouds.ts';

const generic = 'Not authorized to perform sts:AssumeRoleWithWebIdentity';
export const noKey =
  "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements";

export interface Refusal {
  status: number;
  code: string;
  message: string | RegExp;
}

/** Expects the status, code and message of an STS error, and no credentials. */
export function expectRefusal(reply: Reply, refusal: Refusal): void {
  const message = elementOf(reply.text, 'Message')
    ?.replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"');
  expect({ status: reply.status, code: elementOf(reply.text, 'Code') }).toEqual({
    status: refusal.status,
    code: refusal.code,
  });
  if (typeof refusal.message === 'string') expect(message).toBe(refusal.message);
  else expect(message).toMatch(refusal.message);
  expect(reply.text).not.toContain('AccessKeyId');
}

export const notValidated =
  'The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity documentation for requirements.';
export const invalid = (message: string | RegExp): Refusal => ({ status: 400, code: 'InvalidIdentityToken', message });
export const denied: Refusal = { status: 403, code: 'AccessDenied', message: generic };
export const validation = (message: string | RegExp): Refusal => ({ status: 400, code: 'ValidationError', message });
