import { z } from 'zod';
import { ArsiaError } from '../../core/errors.ts';
import { parseDocument } from '../document.ts';
import type { CloudCredentials } from '../provider.ts';
import { durationFault } from '../request.ts';
import { type AwsEndpoints, chooseEndpoint } from './endpoints.ts';
import { type AwsSettings, sessionDuration } from './settings.ts';

/** Characters of a session policy (cloud-facts.md 1.1). */
const maximumPolicy = 2048;

/** Schema of the AWS options of a credentials request. */
export const request = z.strictObject({
  session_policy: z
    .string()
    .min(1)
    .max(maximumPolicy, `must be at most ${maximumPolicy} characters`)
    .optional()
    .meta({
      description: 'A session policy as JSON text, which reduces the rights of the role for this session.',
      examples: ['{"Version":"2012-10-17","Statement":[]}'],
    }),
});

export type AwsRequest = { duration?: number | undefined; aws?: z.output<typeof request> | undefined };

export const answer = {
  access_key_id: z.string().meta({ description: '`AWS_ACCESS_KEY_ID`.', examples: ['ASIA...'] }),
  secret_access_key: z.string().meta({ description: '`AWS_SECRET_ACCESS_KEY`.', examples: ['a secret key'] }),
  session_token: z.string().meta({ description: '`AWS_SESSION_TOKEN`.', examples: ['a session token'] }),
  role_arn: z.string().meta({ description: 'The role.', examples: ['arn:aws:iam::123456789012:role/acme/deploy'] }),
  assumed_role_arn: z
    .string()
    .optional()
    .meta({
      description: 'The session, as AWS names it in its logs.',
      examples: ['arn:aws:sts::123456789012:assumed-role/deploy/ada@acme.example'],
    }),
  account_id: z
    .string()
    .optional()
    .meta({ description: 'The account of the role.', examples: ['123456789012'] }),
};

/** Throws `invalid_request` for a request that AWS would refuse, before a token is made. */
export function check(settings: AwsSettings, { duration, aws }: AwsRequest, endpoints?: AwsEndpoints): void {
  const fields = [
    ...durationFault(duration, sessionDuration.minimum, settings.max_duration),
    ...policyFault(aws?.session_policy),
  ];
  if (fields.length > 0) throw new ArsiaError('invalid_request', 'AWS would refuse this request.', { fields });
  if (endpoints !== undefined) chooseEndpoint(settings, endpoints);
}

function policyFault(policy: string | undefined): { pointer: string; detail: string }[] {
  if (policy === undefined) return [];
  const pointer = '/aws/session_policy';
  if (policy.length > maximumPolicy || !/^[\t\n\r\u0020-\u00ff]+$/.test(policy))
    return [{ pointer, detail: `must be an IAM policy of at most ${maximumPolicy} characters up to U+00FF` }];
  try {
    parseDocument(policy, 'session policy');
    return [];
  } catch (thrown) {
    return [{ pointer, detail: (thrown as ArsiaError).message }];
  }
}

/** Returns the facts of the session for the audit record. */
export function describe(credentials: CloudCredentials): Record<string, string> {
  const { role_arn, assumed_role_arn, account_id } = credentials;
  return Object.fromEntries(
    Object.entries({ role_arn, assumed_role_arn, account_id }).filter((entry) => entry[1] !== undefined),
  ) as Record<string, string>;
}
