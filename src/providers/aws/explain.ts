import type { ArsiaError } from '../../core/errors.ts';
import { isObject } from '../../core/json.ts';
import { type CloudFault, explainFault, type FaultRow, readFault } from '../explanation.ts';
import { trustRoute } from '../facts.ts';
import { isTransientFault } from '../faults.ts';
import type { TrustFacts } from '../provider.ts';
import { actionsNeeded, formatAudience } from './assertion.ts';
import { issuerHostPath, parseRoleArn, providerArn, serviceOf } from './names.ts';
import type { AwsSettings } from './settings.ts';

interface Situation {
  facts: TrustFacts;
  settings: AwsSettings;
  audience: string;
  hostPath: string;
  provider: string;
  service: ReturnType<typeof serviceOf>;
}

const seeTrust = ({ facts }: Situation) => `\`${trustRoute(facts)}\` has the whole trust policy to paste`;

/** Errors of AWS STS, Ceph RGW and MinIO, by code and text (cloud-facts.md 1.3, 1.12). AccessDenied gives no reason. */
const rows: readonly FaultRow<Situation>[] = [
  {
    code: /^(?:AccessDenied|AccessDeniedException)$/,
    message: /^(?!.*explicit deny)/is,
    as: 'cloud_denied',
    what: ({ settings }) => `does not let this token assume ${settings.role_arn}`,
    advice: (situation) =>
      `${situation.service} does not say why. Check that the role exists and that its trust policy says \`StringEquals ${situation.hostPath}:sub\` = \`${situation.facts.subject}\` and \`${situation.hostPath}:aud\` = \`${situation.audience}\` for the principal \`${situation.provider}\`, with ${actionsNeeded(situation.settings).join(', ')}; ${seeTrust(situation)}.${untoldByCeph(situation)}`,
    condition: ({ hostPath, facts, audience, provider }) => ({
      condition: 'trust policy',
      expected: `Principal.Federated ${provider}, ${hostPath}:aud = ${audience}, ${hostPath}:sub = ${facts.subject}`,
    }),
  },
  {
    code: /^AccessDenied/,
    as: 'cloud_denied',
    what: ({ settings }) => `has a policy that denies this token ${settings.role_arn}`,
    advice: () =>
      'Look for a Deny in the trust policy of the role, and in the service and resource control policies of the organisation at AWS.',
    condition: () => ({ condition: 'explicit deny', expected: 'no Deny that covers this token' }),
  },
  {
    code: /^InvalidIdentityToken/,
    message: /No OpenIDConnect provider found/i,
    as: 'cloud_denied',
    what: ({ facts }) => `has no identity provider for ${facts.issuer} in the account of the role`,
    advice: ({ facts, audience }) =>
      `Add it at IAM > Identity providers: Provider URL \`${facts.issuer}\` (to the byte, without a trailing slash), Audience \`${audience}\`; \`${trustRoute(facts)}\` has the command.`,
    condition: ({ facts }) => ({ condition: 'Provider URL', expected: facts.issuer }),
  },
  {
    code: /^InvalidIdentityToken/,
    // AWS has the second text for an audience that is not registered (cases/aws-facts.md 6).
    message: /Incorrect token audience|token provided could not be validated/i,
    as: 'cloud_denied',
    what: ({ audience }) => `does not list the audience ${audience} at the identity provider`,
    advice: ({ audience, provider }) => `Add the audience \`${audience}\` to ${provider} at IAM > Identity providers.`,
    condition: ({ audience }) => ({ condition: 'Audience', expected: audience }),
  },
  {
    code: /^InvalidIdentityToken/,
    message: /roles claim/i,
    as: 'cloud_denied',
    what: ({ settings }) => `says that the token is not for ${settings.role_arn}`,
    advice: () => 'The role of the identity changed while the job asked; ask again.',
    condition: ({ settings }) => ({ condition: 'https://aws.amazon.com/roles', expected: settings.role_arn }),
  },
  {
    code: /^(?:InvalidIdentityToken|IDPCommunicationError)/,
    message: /retrieve verification key|communicat|reach/i,
    as: 'cloud_refused',
    what: ({ facts }) => `could not fetch the keys of ${facts.issuer}`,
    advice: ({ facts }) =>
      `\`${facts.issuer}/.well-known/openid-configuration\` and its jwks_uri must answer from the internet, without a log-in, within 5 seconds. The failure is not in your CloudTrail.`,
  },
  {
    code: /^InvalidIdentityToken/,
    message: /thumbprint/i,
    as: 'cloud_refused',
    what: ({ facts }) => `does not trust the HTTPS certificate of ${facts.issuer}`,
    advice: ({ provider }) => `Use a certificate of a public authority, or correct the thumbprint of ${provider}.`,
  },
  {
    code: /^(?:ExpiredToken|InvalidIdentityToken|IDPRejectedClaim|IDPCommunicationError|InvalidParameterValue|MissingParameter)/,
    as: 'cloud_refused',
    what: () => 'does not take the token',
    advice: () => 'Read its message; if it is about time, check the clock of the server that runs Arsia.',
  },
  {
    code: /^(?:MalformedPolicyDocument|PackedPolicyTooLarge)/,
    as: 'invalid_request',
    what: () => 'does not take the session policy',
    advice: () =>
      'Correct `aws.session_policy`: at most 2048 characters of IAM policy, less where the session has many tags.',
    pointer: '/aws/session_policy',
  },
  {
    code: /^Validation/,
    message: /DurationSeconds|MaxSessionDuration/i,
    as: 'cloud_refused',
    what: ({ settings }) => `does not give ${settings.role_arn} sessions that long`,
    advice: ({ settings }) =>
      `Ask for a shorter \`duration\`, or raise the maximum session duration of the role to the ${settings.max_duration} seconds that the identity allows.`,
  },
  {
    code: /^RegionDisabled/,
    as: 'cloud_refused',
    what: () => 'has STS switched off in this region for the account of the role',
    advice: () => 'Switch it on at IAM > Account settings > Endpoints, or set another `region` in the identity.',
  },
  {
    code: /^(?:Throttling|TooManyRequests|SlowDown|ServiceUnavailable|InternalFailure|InternalError|STSNotInitialized)/,
    as: 'cloud_unavailable',
    what: () => 'limits the rate of requests',
    advice: () => 'Try again later.',
  },
];

/** Converts an error of the cloud to an ArsiaError. Never throws, for any value of `thrown`. */
export function explain(thrown: unknown, facts: TrustFacts, settings: AwsSettings): ArsiaError {
  const hostPath = issuerHostPath(facts.issuer) ?? facts.issuer;
  const role = parseRoleArn(settings.role_arn) ?? { partition: 'aws', account: '' };
  const service = serviceOf(role);
  const fault = awsFault(thrown);
  const message = fault.message === '' ? `${service} sent no message` : fault.message;
  return explainFault(thrown, { ...fault, cloud: service, message }, rows, {
    facts,
    service,
    settings,
    hostPath,
    audience: formatAudience(facts),
    provider: providerArn(role, hostPath),
  });
}

/** Reads the code on the wire where the SDK kept it: for some errors `name` has `Exception` appended (cloud-facts.md 1.3). */
function awsFault(thrown: unknown): CloudFault {
  const error = isObject(thrown) ? thrown : {};
  const wire = typeof error.Code === 'string' ? error.Code : undefined;
  // Only errors of the SDK have `$metadata`, and only their name is a code of AWS.
  const named = isObject(error.$metadata) && typeof error.name === 'string' ? error.name : undefined;
  const fault = readFault('AWS', 'aws', thrown, { code: wire ?? named });
  // The SDK reports an answer that it cannot parse as Unknown. With status 403 it is a refusal.
  return fault.code === 'Unknown' && fault.status === 403 ? { ...fault, code: 'AccessDenied' } : fault;
}

/** Returns whether another try is worthwhile: also when AWS failed to fetch Arsia's keys (cloud-facts.md 1.3). */
export function isTransient(thrown: unknown): boolean {
  if (isTransientFault(thrown)) return true;
  const { code, message } = awsFault(thrown);
  return (
    /^(?:IDPCommunicationError|Throttling|TooManyRequests|SlowDown)/.test(code) ||
    (code.startsWith('InvalidIdentityToken') && /retrieve verification key/i.test(message))
  );
}

/** Ceph RGW has one refusal, without a text, for what AWS tells apart (cloud-facts.md 0 and 10). */
function untoldByCeph({ service, facts, audience, provider }: Situation): string {
  if (service !== 'Ceph RGW') return '';
  return ` Ceph RGW answers the same where the provider \`${provider}\` is missing or its client ids lack \`${audience}\`, where RGW cannot fetch the keys of ${facts.issuer} or the first of them has another certificate than the one that signs, and where its clock is behind Arsia's.`;
}
