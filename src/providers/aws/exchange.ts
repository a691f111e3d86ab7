import {
  AssumeRoleWithWebIdentityCommand,
  type AssumeRoleWithWebIdentityResponse,
  STSClient,
} from '@aws-sdk/client-sts';
import { ArsiaError } from '../../core/errors.ts';
import { isObject, parseDocument } from '../document.ts';
import { connectionFault } from '../faults.ts';
import type { CloudCredentials, CloudEndpoints, CredentialsRequest, ExchangeContext } from '../provider.ts';
import { durationFault } from '../request.ts';
import { agentsFor } from '../transport.ts';
import { isAwsRole, parseRoleArn, partitionOf, sessionNameOf, stsEndpointOf } from './names.ts';
import { type AwsSettings, sessionDuration } from './settings.ts';

const maximumAnswer = 1024 * 1024;
const maximumPolicy = 2048;

/** Refuses what AWS would not take, before a token is made of it. */
export function check(settings: AwsSettings, { duration, aws }: CredentialsRequest, endpoints?: CloudEndpoints): void {
  const fields = [
    ...durationFault(duration, sessionDuration.minimum, settings.max_duration),
    ...policyFault(aws?.session_policy),
  ];
  if (fields.length > 0) throw new ArsiaError('invalid_request', 'AWS would not take this request.', { fields });
  if (endpoints !== undefined) endpointOf(settings, endpoints);
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

/**
 * Where this identity's token goes: the endpoint that it names, if the operator lists it; else the first that the operator
 * lists; else AWS's own of the role's partition. Nothing else, whatever the settings or the environment say (N29).
 */
export function endpointOf(settings: AwsSettings, { aws_sts }: CloudEndpoints): { url: string; region: string } {
  const role = parseRoleArn(settings.role_arn)!;
  const partition = partitionOf(role);
  const region = settings.region ?? partition?.region ?? 'us-east-1';
  const named = settings.sts_endpoint;
  if (named !== undefined && !aws_sts.includes(named))
    throw new ArsiaError('invalid_request', `The operator does not list the STS endpoint ${named}.`, {
      advice: `Set sts_endpoint of the identity to one of ${aws_sts.join(', ') || 'none (the operator lists no endpoint)'}, or ask the operator to add it to ARSIA_AWS_STS_ENDPOINTS.`,
      fields: [{ pointer: '/settings/sts_endpoint', detail: 'is not listed by the operator' }],
    });
  const listed = named ?? aws_sts[0];
  if (listed !== undefined) return { url: listed, region };
  if (partition === undefined || !isAwsRole(role))
    throw new ArsiaError('invalid_request', `${role.arn} is no role of AWS, and the operator lists no STS endpoint.`, {
      advice: 'Ask the operator to add the STS of Ceph RGW or MinIO to ARSIA_AWS_STS_ENDPOINTS.',
    });
  return { url: stsEndpointOf(partition, region), region };
}

/** One AssumeRoleWithWebIdentity. DurationSeconds is always sent: a token's life does not bound the session's (threats.md 3.2). */
export async function exchange(
  token: string,
  settings: AwsSettings,
  context: ExchangeContext,
): Promise<CloudCredentials> {
  const { request, signal } = context;
  const policy = request.aws?.session_policy;
  const wire: WireRecord = {};
  const client = createClient(settings, context.endpoints, wire);
  const command = new AssumeRoleWithWebIdentityCommand({
    RoleArn: settings.role_arn,
    RoleSessionName: sessionName(context),
    WebIdentityToken: token,
    DurationSeconds: request.duration ?? Math.min(sessionDuration.default, settings.max_duration),
    // Compact: white space counts in session policies, and Ceph RGW takes no other form.
    ...(policy !== undefined && { Policy: JSON.stringify(JSON.parse(policy)) }),
  });
  try {
    return credentialsOf(await client.send(command, { abortSignal: signal }), settings);
  } catch (thrown) {
    throw withWire(thrown, wire);
  }
}

/**
 * For CloudTrail, and for conditions on `aws:userid`: the user, or the service account of a job without one. An account by its
 * id: its name is chosen by whoever owns a group, and could be the login or the id of a person.
 */
function sessionName({ user, launcher, claims }: ExchangeContext): string {
  if (user !== undefined) return sessionNameOf(user);
  return launcher?.id ?? claims.job_id;
}

/** What happened on the wire, for what the SDK's error leaves out. */
interface WireRecord {
  answer?: string;
  failure?: unknown;
}

function createClient(settings: AwsSettings, endpoints: CloudEndpoints, wire: WireRecord): STSClient {
  const { url, region } = endpointOf(settings, endpoints);
  const client = new STSClient({
    // All of these stand here so that none is read from AWS_* variables or ~/.aws (N29).
    endpoint: url,
    region,
    useFipsEndpoint: false,
    useDualstackEndpoint: false,
    defaultsMode: 'standard',
    retryMode: 'standard',
    // Tries are counted in one place, calls.ts.
    maxAttempts: 1,
    userAgentAppId: async () => undefined,
    credentials: () => Promise.reject(new Error('AssumeRoleWithWebIdentity is not signed')),
    requestHandler: agentsFor(endpoints, url),
    streamCollector: async (stream: AsyncIterable<Uint8Array>) => {
      const bytes = await collect(stream);
      wire.answer = bytes.toString('utf8');
      return bytes;
    },
  });
  client.middlewareStack.add(
    (next) => async (args) => {
      try {
        return await next(args);
      } catch (thrown) {
        wire.failure = thrown;
        throw thrown;
      }
    },
    { step: 'deserialize', priority: 'low', name: 'recordFailure' },
  );
  return client;
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > maximumAnswer) throw new Error(`The answer of STS is longer than ${maximumAnswer} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/**
 * The failure of a connection itself, which the SDK may wrap and strip of its code. Ceph RGW refuses in S3's XML, which the SDK
 * reads as `Unknown`: code and message are then taken from the answer.
 */
function withWire(thrown: unknown, { answer = '', failure }: WireRecord): unknown {
  if (connectionFault(failure) !== undefined) return failure;
  if (!isObject(thrown) || typeof thrown.Code === 'string') return thrown;
  const code = /<Code>([\w.]{1,64})<\/Code>/.exec(answer)?.[1];
  if (code === undefined) return thrown;
  const message = /<Message>([^<]{1,1000})<\/Message>/.exec(answer)?.[1];
  return Object.assign(thrown, { Code: code, ...(message !== undefined && { message }) });
}

function credentialsOf(answer: AssumeRoleWithWebIdentityResponse, settings: AwsSettings): CloudCredentials {
  const { Credentials: keys, AssumedRoleUser: session } = answer;
  if (!keys?.AccessKeyId || !keys.SecretAccessKey || !keys.SessionToken || !keys.Expiration)
    throw new Error('The answer of STS has no credentials');
  const role = parseRoleArn(settings.role_arn)!;
  return {
    type: 'aws',
    access_key_id: keys.AccessKeyId,
    secret_access_key: keys.SecretAccessKey,
    session_token: keys.SessionToken,
    expires_at: keys.Expiration.toISOString(),
    role_arn: settings.role_arn,
    assumed_role_arn: session?.Arn,
    account_id: role.account === '' ? undefined : role.account,
  };
}

/** Who the session is, for the audit record. */
export function describe(credentials: CloudCredentials): Record<string, string> {
  const { role_arn, assumed_role_arn, account_id } = credentials;
  return Object.fromEntries(
    Object.entries({ role_arn, assumed_role_arn, account_id }).filter((entry) => entry[1] !== undefined),
  ) as Record<string, string>;
}
