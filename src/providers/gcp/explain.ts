import type { ArsiaError } from '../../core/errors.ts';
import { isObject } from '../../core/json.ts';
import { type CloudFault, explainFault, type FaultRow, readFault } from '../explanation.ts';
import { trustRoute } from '../facts.ts';
import { isTransientFault } from '../faults.ts';
import type { TrustFacts } from '../provider.ts';
import { formatAudience, formatPrincipal, providerName } from './names.ts';
import type { GcpSettings } from './settings.ts';

interface Situation {
  facts: TrustFacts;
  settings: GcpSettings;
}

const seeTrust = ({ facts }: Situation) => `\`${trustRoute(facts)}\` has the whole provider to paste`;
const where = ({ settings }: Situation) => `Workload Identity Federation > ${settings.pool} > ${settings.provider}`;

/** Errors of Google's STS and IAM, by code and text (cloud-facts.md 3.1, 3.3). */
const rows: readonly FaultRow<Situation>[] = [
  {
    code: /^unauthorized_client$/,
    as: 'cloud_denied',
    what: ({ settings }) => `refuses the token by the attribute condition of ${settings.provider}`,
    advice: (situation) =>
      `At ${where(situation)} the condition must hold for \`assertion.sub\` = \`${situation.facts.subject}\`; ${seeTrust(situation)}.`,
    condition: ({ facts }) => ({
      condition: 'attributeCondition',
      expected: `true for assertion.sub = ${facts.subject}`,
    }),
  },
  {
    code: /^invalid_grant$/,
    message: /audience in ID Token/i,
    as: 'cloud_denied',
    what: ({ settings }) => `does not take the audience of the token at ${settings.provider}`,
    advice: (situation) =>
      `At ${where(situation)} the allowed audiences must have \`${formatAudience(situation.settings)}\`, or be left to the default; ${seeTrust(situation)}.`,
    condition: ({ settings }) => ({ condition: 'oidc.allowedAudiences', expected: formatAudience(settings) }),
  },
  {
    code: /^invalid_grant$/,
    message: /issuer in ID Token/i,
    as: 'cloud_denied',
    what: ({ facts, settings }) => `expects another issuer than ${facts.issuer} at ${settings.provider}`,
    advice: (situation) =>
      `At ${where(situation)} the Issuer (URL) must be \`${situation.facts.issuer}\`, to the byte; ${seeTrust(situation)}.`,
    condition: ({ facts }) => ({ condition: 'oidc.issuerUri', expected: facts.issuer }),
  },
  {
    code: /./,
    message: /127 bytes limit|mapped attribute|google\.subject/i,
    as: 'cloud_refused',
    what: ({ settings }) => `cannot map the attributes of ${settings.provider} from the token`,
    advice: (situation) =>
      `Map \`google.subject\` to \`assertion.sub\`, and other attributes to claims that every token has; ${seeTrust(situation)}.`,
  },
  {
    code: /^invalid_grant$/,
    message: /connecting to the given credential/i,
    as: 'cloud_refused',
    what: ({ facts }) => `could not fetch the keys of ${facts.issuer}`,
    advice: ({ facts }) =>
      `\`${facts.issuer}/.well-known/openid-configuration\` and its jwks_uri must answer from the internet; for an issuer that cannot, upload its JWKS at the provider (\`arsia server keys export\` prints it).`,
  },
  {
    code: /^invalid_grant$/,
    message: /stale to sign-in/i,
    as: 'cloud_refused',
    what: () => 'considers the token expired',
    advice: () => 'Check the clock of the server that runs Arsia.',
  },
  {
    code: /^invalid_target$/,
    as: 'cloud_refused',
    what: ({ settings }) => `has no active provider ${providerName(settings)}`,
    advice: () =>
      'Correct project_number, pool and provider of the identity, or create or enable them; a change takes up to 5 minutes at Google.',
  },
  {
    code: /^(?:invalid_grant|invalid_request|invalid_scope)$/,
    as: 'cloud_refused',
    what: () => 'does not take the token',
    advice: (situation) => `Read its message and compare the provider at ${where(situation)}; ${seeTrust(situation)}.`,
  },
  {
    code: /^PERMISSION_DENIED$/,
    as: 'cloud_denied',
    what: ({ settings }) => `does not let this token use ${settings.service_account ?? 'the service account'}`,
    advice: ({ facts, settings }) =>
      `Give \`${formatPrincipal(settings, facts.subject)}\` the role \`roles/iam.workloadIdentityUser\` on ${settings.service_account ?? 'the service account'}, and see that the IAM Service Account Credentials API is enabled; \`${trustRoute(facts)}\` has the command.`,
    condition: ({ facts, settings }) => ({
      condition: 'roles/iam.workloadIdentityUser',
      expected: formatPrincipal(settings, facts.subject),
    }),
  },
  {
    code: /^NOT_FOUND$/,
    as: 'cloud_refused',
    what: ({ settings }) => `knows no service account ${settings.service_account ?? ''}`,
    advice: () => 'Correct service_account of the identity: the address is at IAM & Admin > Service Accounts.',
  },
  {
    code: /^INVALID_ARGUMENT$/,
    as: 'cloud_refused',
    what: () => 'does not take the lifetime or the scopes',
    advice: () =>
      'Ask for at most 3600 seconds, unless the policy constraints/iam.allowServiceAccountCredentialLifetimeExtension names the service account.',
  },
  {
    code: /^(?:RESOURCE_EXHAUSTED|UNAVAILABLE|temporarily_unavailable)$/,
    as: 'cloud_unavailable',
    what: () => 'limits the rate of requests',
    advice: () => 'Try again later.',
  },
];

export function explain(thrown: unknown, facts: TrustFacts, settings: GcpSettings): ArsiaError {
  return explainFault(thrown, googleFault(thrown), rows, { facts, settings });
}

/** Google's STS answers `{error, error_description}`, as in OAuth; IAM answers `{error: {status, message}}`. */
function googleFault(thrown: unknown): CloudFault {
  const response = isObject(thrown) && isObject(thrown.response) ? thrown.response : {};
  const body = isObject(response.data) ? response.data : {};
  const { error, error_description: description } = body;
  if (typeof error === 'string')
    return readFault('Google', 'gcp', thrown, {
      code: error,
      message: typeof description === 'string' ? description : error,
    });
  const { status, message } = isObject(error) ? error : {};
  return readFault('Google', 'gcp', thrown, {
    code: typeof status === 'string' ? status : undefined,
    message: typeof message === 'string' ? message : undefined,
  });
}

/** Returns whether another try is worthwhile: also when Google failed to fetch Arsia's keys. */
export function isTransient(thrown: unknown): boolean {
  if (isTransientFault(thrown)) return true;
  const { code, message } = googleFault(thrown);
  return code === 'invalid_grant' && /connecting to the given credential/i.test(message);
}
