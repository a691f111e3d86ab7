import {
  checkTrustFacts,
  deliveryWarnings,
  formatFields,
  issuerWarnings,
  scopeWarnings,
  shellCommand,
  subjectPrefix,
  userClaimWarnings,
} from '../facts.ts';
import type { Trust, TrustDocument, TrustFacts } from '../provider.ts';
import { formatAudience, formatPrincipal, formatPrincipalSet, poolName, projectIdOf } from './names.ts';
import { type GcpSettings, tokenDuration } from './settings.ts';

const impersonationRole = 'roles/iam.workloadIdentityUser';

/** Returns the pool provider with audience, mapping and condition, and the access to the service account. */
export function trust(settings: GcpSettings, facts: TrustFacts): Trust {
  checkTrustFacts(facts);
  const audience = formatAudience(settings);
  const provider = buildProvider(settings, facts);
  const member = formatMember(settings, facts);
  return {
    issuer: facts.issuer,
    subject: facts.subject,
    audience,
    documents: [
      {
        name: 'provider',
        title: 'Provider of the workload identity pool',
        form: 'json',
        text: JSON.stringify(provider, null, 2),
        paste_into: `POST https://iam.googleapis.com/v1/${poolName(settings)}/providers?workloadIdentityPoolProviderId=${settings.provider}`,
      },
      consoleForm(settings, provider),
      access(settings, member),
      commands(settings, provider, member),
    ],
    warnings: [
      ...reachWarnings(facts.issuer),
      ...scopeWarnings(facts),
      ...userClaimWarnings(facts),
      ...deliveryWarnings(
        facts,
        settings.service_account === undefined
          ? 'the scopes at Google'
          : 'the scopes and the duration at Google, regardless of `scopes` and `max_duration` here',
      ),
      ...(settings.max_duration > tokenDuration.default && settings.service_account !== undefined
        ? [
            `Tokens above 3600 seconds need the policy constraints/iam.allowServiceAccountCredentialLifetimeExtension to name ${settings.service_account}.`,
          ]
        : []),
      'A change of the pool, the provider or a policy takes up to 5 minutes at Google.',
    ],
  };
}

/** Maps only claims that every token has: the mapping of a missing claim would fail the whole exchange. */
function mapAttributeClaims({ is_subject_pattern, subject_scope }: TrustFacts): Record<string, string> {
  return {
    'google.subject': 'assertion.sub',
    'attribute.identity_id': 'assertion.identity_id',
    'attribute.workspace_id': 'assertion.workspace_id',
    'attribute.organization_id': 'assertion.organization_id',
    // A principal set names one attribute, so this one combines both parts of the subject.
    ...(is_subject_pattern &&
      subject_scope === 'workspace_user' && {
        'attribute.identity_workspace': "assertion.identity_id + ':' + assertion.workspace_id",
      }),
  };
}

/** Subjects and ids consist of letters, digits, `_` and `:` (checkTrustFacts), so they need no escaping in CEL. */
function buildProvider(settings: GcpSettings, facts: TrustFacts) {
  const sub = facts.is_subject_pattern
    ? `assertion.sub.startsWith('${subjectPrefix(facts)}')`
    : `assertion.sub == '${facts.subject}'`;
  return {
    displayName: 'Arsia',
    description: `Arsia: managed identity ${facts.identity}`.slice(0, 256),
    oidc: { issuerUri: facts.issuer, allowedAudiences: [formatAudience(settings)] },
    attributeMapping: mapAttributeClaims(facts),
    attributeCondition: `${sub} && assertion.identity_id == '${facts.identity_id}'`,
  };
}

type ProviderDocument = ReturnType<typeof buildProvider>;

/** Returns the IAM member of the subject, or, for a subject pattern, that of the attribute for all users. */
function formatMember(settings: GcpSettings, facts: TrustFacts): string {
  if (!facts.is_subject_pattern) return formatPrincipal(settings, facts.subject);
  return facts.subject_scope === 'user'
    ? formatPrincipalSet(settings, 'identity_id', facts.identity_id)
    : formatPrincipalSet(settings, 'identity_workspace', subjectPrefix(facts).replace(/:usr_$/, ''));
}

function consoleForm(settings: GcpSettings, provider: ProviderDocument): TrustDocument {
  const fields = [
    { label: 'Select a provider', value: 'OpenID Connect (OIDC)' },
    { label: 'Provider name', value: provider.displayName },
    { label: 'Provider ID', value: settings.provider },
    { label: 'Issuer (URL)', value: provider.oidc.issuerUri },
    { label: 'Allowed audiences', value: provider.oidc.allowedAudiences[0]! },
    ...Object.entries(provider.attributeMapping).map(([key, value]) => ({
      label: `Attribute mapping ${key}`,
      value,
    })),
    { label: 'Condition CEL', value: provider.attributeCondition },
  ];
  return {
    name: 'console',
    title: 'The provider as a form',
    form: 'fields',
    text: formatFields(fields),
    fields,
    paste_into: `IAM & Admin > Workload Identity Federation > ${settings.pool} > Add provider`,
  };
}

function access(settings: GcpSettings, member: string): TrustDocument {
  if (settings.service_account !== undefined)
    return {
      name: 'service-account-policy',
      title: 'Who may use the service account',
      form: 'json',
      text: JSON.stringify({ bindings: [{ role: impersonationRole, members: [member] }] }, null, 2),
      paste_into: `IAM & Admin > Service Accounts > ${settings.service_account} > Principals with access > Grant access (add the binding to those that are there)`,
    };
  const fields = [{ label: 'New principals', value: member }];
  return {
    name: 'principal',
    title: 'The principal to give roles to',
    form: 'fields',
    text: member,
    fields,
    paste_into: 'Grant access, at each resource that the identity needs, with the role that it needs there',
  };
}

function commands(settings: GcpSettings, provider: ProviderDocument, member: string): TrustDocument {
  // The whole resource name: gcloud refuses the number of a project as its --project.
  const pool = poolName(settings);
  const mapping = Object.entries(provider.attributeMapping).map(([key, value]) => `${key}=${value}`);
  const lines = [
    '# The pool, once',
    shellCommand(`gcloud iam workload-identity-pools create ${pool}`, []),
    '# The provider',
    shellCommand(`gcloud iam workload-identity-pools providers create-oidc ${pool}/providers/${settings.provider}`, [
      ['--issuer-uri', provider.oidc.issuerUri],
      ['--allowed-audiences', provider.oidc.allowedAudiences[0]!],
      ['--attribute-mapping', mapping.join(',')],
      ['--attribute-condition', provider.attributeCondition],
    ]),
  ];
  if (settings.service_account !== undefined) lines.push(...bindingCommand(settings.service_account, member));
  return {
    name: 'gcloud',
    title: 'The same with the Google Cloud command line',
    form: 'shell',
    text: lines.join('\n'),
    paste_into: 'a terminal that is signed in with `gcloud auth login`, such as Cloud Shell',
  };
}

/** Without --project gcloud takes the project that it is set to, and without --condition it may ask. */
function bindingCommand(serviceAccount: string, member: string): string[] {
  const project = projectIdOf(serviceAccount);
  const binding = `gcloud iam service-accounts add-iam-policy-binding ${serviceAccount}`;
  return [
    '# Who may use the service account',
    ...(project === undefined ? ['# PROJECT_ID is the id of its project, which its address does not tell'] : []),
    shellCommand(project === undefined ? `${binding} --project "$PROJECT_ID"` : binding, [
      ...(project === undefined ? [] : [['--project', project] as const]),
      ['--role', impersonationRole],
      ['--member', member],
      ['--condition', 'None'],
    ]),
  ];
}

/** Google also accepts uploaded keys, so an issuer that it cannot reach works while those are up to date. */
function reachWarnings(issuer: string): string[] {
  const warnings = issuerWarnings(issuer, 'Google', { port: false });
  return warnings.length === 0 || !issuer.startsWith('https:')
    ? warnings
    : [
        ...warnings,
        'For such an issuer upload its JWKS at the provider (`arsia server keys export` prints it), and again after each change of keys.',
      ];
}
