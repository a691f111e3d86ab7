import type { ArsiaError } from '../../core/errors.ts';
import { isObject } from '../../core/json.ts';
import { type CloudFault, explainFault, type FaultRow, readFault } from '../explanation.ts';
import { trustRoute } from '../facts.ts';
import { isTransientFault } from '../faults.ts';
import type { TrustFacts } from '../provider.ts';
import { clouds } from './clouds.ts';
import type { AzureSettings } from './settings.ts';

interface Situation {
  facts: TrustFacts;
  settings: AzureSettings;
  audience: string;
}

const where = ({ settings }: Situation) =>
  `App registrations > ${settings.client_id} > Certificates & secrets > Federated credentials`;
const seeTrust = ({ facts }: Situation) => `\`${trustRoute(facts)}\` has the whole credential to paste`;
const justMade = 'If the credential is minutes old, wait and try again';

/** Errors by AADSTS number (cloud-facts.md 2.3). Entra compares byte for byte, and reports which of the three differs. */
const rows: readonly FaultRow<Situation>[] = [
  {
    code: /^AADSTS700211$/,
    as: 'cloud_denied',
    what: ({ facts, settings }) =>
      `has no federated credential of ${settings.client_id} for the issuer ${facts.issuer}`,
    advice: (situation) =>
      `At ${where(situation)} the Issuer must be \`${situation.facts.issuer}\`, to the byte. ${justMade}; ${seeTrust(situation)}.`,
    condition: ({ facts }) => ({ condition: 'issuer', expected: facts.issuer }),
  },
  {
    code: /^AADSTS(?:700212|7002121)$/,
    as: 'cloud_denied',
    what: ({ audience, settings }) =>
      `has no federated credential of ${settings.client_id} for the audience ${audience}`,
    advice: (situation) =>
      `At ${where(situation)} the Audience must be \`${situation.audience}\`; ${seeTrust(situation)}.`,
    condition: ({ audience }) => ({ condition: 'audience', expected: audience }),
  },
  {
    code: /^AADSTS(?:700213|7002131)$/,
    as: 'cloud_denied',
    what: ({ facts, settings }) =>
      `has no federated credential of ${settings.client_id} for the subject ${facts.subject}`,
    advice: (situation) =>
      `At ${where(situation)} the Value (subject identifier) must be \`${situation.facts.subject}\`, in this case. ${justMade}; ${seeTrust(situation)}.`,
    condition: ({ facts }) => ({ condition: 'subject', expected: facts.subject }),
  },
  {
    code: /^AADSTS(?:70021|70025)$/,
    as: 'cloud_denied',
    what: ({ settings }) => `has no federated credential of ${settings.client_id} for this token`,
    advice: (situation) =>
      `Add one at ${where(situation)}: Issuer \`${situation.facts.issuer}\`, subject \`${situation.facts.subject}\`, Audience \`${situation.audience}\`. ${justMade}; ${seeTrust(situation)}.`,
    condition: ({ facts, audience }) => ({
      condition: 'federated credential',
      expected: `issuer ${facts.issuer}, subject ${facts.subject}, audience ${audience}`,
    }),
  },
  {
    code: /^AADSTS(?:7002381|700223|700238\d?|53003)$/,
    as: 'cloud_denied',
    what: ({ settings }) => `has a policy of the tenant ${settings.tenant_id} that refuses this token`,
    advice: ({ facts }) =>
      `Ask an administrator of the tenant to allow federation with ${facts.issuer}, and look at Conditional Access for workload identities.`,
    condition: ({ facts }) => ({ condition: 'tenant policy', expected: `federation with ${facts.issuer} allowed` }),
  },
  {
    code: /^AADSTS(?:700016|7000229)$/,
    as: 'cloud_refused',
    what: ({ settings }) => `knows no application ${settings.client_id} in the tenant ${settings.tenant_id}`,
    advice: () => 'Correct client_id and tenant_id of the identity: both are on the overview page of the application.',
  },
  {
    code: /^AADSTS(?:90002|900382|90038)$/,
    as: 'cloud_refused',
    what: ({ settings }) => `knows no tenant ${settings.tenant_id} in this cloud`,
    advice: ({ settings }) => `Correct tenant_id of the identity, or its cloud (now \`${settings.cloud}\`).`,
  },
  {
    code: /^AADSTS(?:50166|501661|90061)$/,
    as: 'cloud_refused',
    what: ({ facts }) => `could not fetch the keys of ${facts.issuer}`,
    advice: ({ facts }) =>
      `\`${facts.issuer}/.well-known/openid-configuration\` and its jwks_uri must answer from the internet, without a log-in.`,
  },
  {
    code: /^AADSTS700027$/,
    as: 'cloud_refused',
    what: () => `does not know the key of this token`,
    advice: ({ facts }) =>
      `Entra keeps the keys of ${facts.issuer} for up to a day: after an emergency change of keys, wait for that long.`,
  },
  {
    code: /^AADSTS700024$/,
    as: 'cloud_refused',
    what: () => 'considers the token expired or not yet valid',
    advice: () => 'Check the clock of the server that runs Arsia.',
  },
  {
    code: /^AADSTS(?:70011|500011|1002012|28002)$/,
    as: 'cloud_refused',
    what: () => 'does not take the scope',
    advice: () =>
      'The scope is one resource of the tenant followed by /.default, such as `https://management.azure.com/.default`.',
  },
  {
    code: /^AADSTS/,
    as: 'cloud_refused',
    what: () => 'does not take the token request',
    advice: () => 'Read its message; Microsoft explains the number at https://login.microsoftonline.com/error.',
  },
  {
    code: /^unauthorized_client$/,
    as: 'cloud_denied',
    what: ({ settings }) => `does not let ${settings.client_id} take tokens this way`,
    advice: (situation) => `Compare the credential at ${where(situation)}; ${seeTrust(situation)}.`,
    condition: ({ facts, audience }) => ({
      condition: 'federated credential',
      expected: `issuer ${facts.issuer}, subject ${facts.subject}, audience ${audience}`,
    }),
  },
];

export function explain(thrown: unknown, facts: TrustFacts, settings: AzureSettings): ArsiaError {
  const { audience } = clouds[settings.cloud];
  const fault = azureFault(thrown);
  // With a status of 429 or 5xx, the AADSTS number is not a decision on the request.
  const isOutage = fault.status !== undefined && (fault.status === 429 || fault.status >= 500);
  return explainFault(thrown, fault, isOutage ? [] : rows, { facts, settings, audience });
}

/** Reads the AADSTS number, of which MSAL keeps the first in `errorNo`, otherwise the OAuth error. */
function azureFault(thrown: unknown): CloudFault {
  const { errorNo, errorCode, errorMessage } = isObject(thrown) ? thrown : {};
  const number = typeof errorNo === 'string' || typeof errorNo === 'number' ? `AADSTS${errorNo}` : undefined;
  const code = number ?? (typeof errorCode === 'string' ? errorCode : undefined);
  return readFault('Entra', 'azure', thrown, {
    code,
    message: typeof errorMessage === 'string' && errorMessage !== '' ? errorMessage : undefined,
  });
}

/** Returns whether another try is worthwhile: also when Entra failed to fetch Arsia's keys (cloud-facts.md 2.3). */
export function isTransient(thrown: unknown): boolean {
  return isTransientFault(thrown) || /^AADSTS(?:50166|501661|90061)$/.test(azureFault(thrown).code);
}
