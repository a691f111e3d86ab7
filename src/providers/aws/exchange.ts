import {
  AssumeRoleWithWebIdentityCommand,
  type AssumeRoleWithWebIdentityResponse,
  STSClient,
} from '@aws-sdk/client-sts';
import { isObject } from '../../core/json.ts';
import { connectionFault } from '../faults.ts';
import type { CloudCredentials, ExchangeContext } from '../provider.ts';
import type { AwsRequest } from './credentials.ts';
import { type AwsEndpoints, chooseEndpoint } from './endpoints.ts';
import { chooseSessionName, parseRoleArn } from './names.ts';
import { type AwsSettings, sessionDuration } from './settings.ts';

const maximumAnswer = 1024 * 1024;

/**
 * Calls AssumeRoleWithWebIdentity. Always sends DurationSeconds, since the lifetime of the token does not bound that of the
 * session (threats.md 3.2).
 */
export async function exchange(
  token: string,
  settings: AwsSettings,
  context: ExchangeContext<AwsRequest, AwsEndpoints>,
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
    // Compact: white space counts in session policies, and Ceph RGW accepts no other form.
    ...(policy !== undefined && { Policy: JSON.stringify(JSON.parse(policy)) }),
  });
  try {
    return readCredentials(await client.send(command, { abortSignal: signal }), settings);
  } catch (thrown) {
    throw withWire(thrown, wire);
  }
}

/**
 * Returns the session name for CloudTrail and for conditions on `aws:userid`: the user, or the id of the service account of a
 * job without a user. Not its name, which owners of a group choose, and which could be the login of a user.
 */
function sessionName({ user, launcher, claims }: Pick<ExchangeContext, 'user' | 'launcher' | 'claims'>): string {
  if (user !== undefined) return chooseSessionName(user);
  return launcher?.id ?? claims.job_id;
}

/** The answer or the failure of the request, which the error of the SDK does not contain. */
interface WireRecord {
  answer?: string;
  failure?: unknown;
}

function createClient(settings: AwsSettings, endpoints: AwsEndpoints, wire: WireRecord): STSClient {
  const { url, region } = chooseEndpoint(settings, endpoints);
  const client = new STSClient({
    // All of these are set so that the SDK reads none from AWS_* variables or ~/.aws (N29).
    endpoint: url,
    region,
    useFipsEndpoint: false,
    useDualstackEndpoint: false,
    defaultsMode: 'standard',
    retryMode: 'standard',
    // Only calls.ts retries.
    maxAttempts: 1,
    userAgentAppId: async () => undefined,
    credentials: () => Promise.reject(new Error('AssumeRoleWithWebIdentity is not signed')),
    requestHandler: endpoints.outbound.agentsFor(url),
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
 * Returns the failure of the connection itself, which the SDK may wrap without its code. Ceph RGW refuses in the XML of S3,
 * which the SDK reports as `Unknown`: code and message are then read from the answer.
 */
function withWire(thrown: unknown, { answer = '', failure }: WireRecord): unknown {
  if (connectionFault(failure) !== undefined) return failure;
  if (!isObject(thrown) || typeof thrown.Code === 'string') return thrown;
  const code = /<Code>([\w.]{1,64})<\/Code>/.exec(answer)?.[1];
  if (code === undefined) return thrown;
  const message = /<Message>([^<]{1,1000})<\/Message>/.exec(answer)?.[1] ?? '';
  return Object.assign(thrown, { Code: code, message });
}

function readCredentials(answer: AssumeRoleWithWebIdentityResponse, settings: AwsSettings): CloudCredentials {
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
