import {
  checkTrustFacts,
  deliveryWarnings,
  formatFields,
  issuerWarnings,
  scopeWarnings,
  shellCommand,
  shellWord,
} from '../facts.ts';
import type { Trust, TrustDocument, TrustFacts } from '../provider.ts';
import { actionsNeeded, formatAudience } from './assertion.ts';
import { isAwsRole, isMinioRole, issuerHostPath, parseRoleArn, providerArn, type RoleArn, serviceOf } from './names.ts';
import { type AwsSettings, sessionDuration } from './settings.ts';

/** Characters of a trust policy without white space (cloud-facts.md 1.6). */
const maximumPolicyLength = 2048;

/**
 * Returns the whole trust policy of the role, the OIDC provider that it names, and the commands for both. Both `aud` and
 * `sub` are conditions: a policy without `sub` would accept every identity of the issuer.
 */
export function trust(settings: AwsSettings, facts: TrustFacts): Trust {
  checkTrustFacts(facts);
  const role = parseRoleArn(settings.role_arn)!;
  const audience = formatAudience(facts);
  const documents = isMinioRole(role)
    ? [minioProvider(serviceOf(role), facts.issuer, audience)]
    : [trustPolicy(settings, facts, role), oidcProvider(facts.issuer, audience), commands(settings, facts, role)];
  return {
    issuer: facts.issuer,
    subject: facts.subject,
    audience,
    documents,
    warnings: listWarnings(settings, facts, role, documents[0]!),
  };
}

/** Who may assume a role, by exact values. */
export interface TrustedSubject {
  provider: string;
  hostPath: string;
  actions: readonly string[];
  audience: string;
  subject: string;
  is_subject_pattern: boolean;
}

/** Returns the statement that trusts one subject, or the pattern of one. */
export function buildStatement({ provider, hostPath, actions, audience, subject, is_subject_pattern }: TrustedSubject) {
  const aud = { [`${hostPath}:aud`]: audience };
  const sub = { [`${hostPath}:sub`]: subject };
  return {
    Effect: 'Allow',
    Principal: { Federated: provider },
    Action: actions.length === 1 ? actions[0] : actions,
    // StringLike only for a subject pattern of all users. The audience is always exact.
    Condition: is_subject_pattern ? { StringEquals: aud, StringLike: sub } : { StringEquals: { ...aud, ...sub } },
  };
}

function buildPolicy(settings: AwsSettings, facts: TrustFacts, role: RoleArn): object {
  const hostPath = issuerHostPath(facts.issuer)!;
  const statement = buildStatement({
    ...facts,
    provider: providerArn(role, hostPath),
    hostPath,
    actions: actionsNeeded(settings),
    audience: formatAudience(facts),
  });
  return { Version: '2012-10-17', Statement: [statement] };
}

function trustPolicy(settings: AwsSettings, facts: TrustFacts, role: RoleArn): TrustDocument {
  const policy = buildPolicy(settings, facts, role);
  return {
    name: 'trust-policy',
    title: `Trust policy of the role ${role.name}`,
    form: 'json',
    // Ceph RGW accepts only compact JSON (cloud-facts.md 10).
    text: isAwsRole(role) ? JSON.stringify(policy, null, 2) : JSON.stringify(policy),
    paste_into: `IAM > Roles > ${role.name} > Trust relationships > Edit trust policy`,
  };
}

function oidcProvider(issuer: string, audience: string): TrustDocument {
  const fields = [
    { label: 'Provider type', value: 'OpenID Connect' },
    { label: 'Provider URL', value: issuer },
    { label: 'Audience', value: audience },
  ];
  return {
    name: 'oidc-provider',
    title: 'Identity provider, once per account',
    form: 'fields',
    text: formatFields(fields),
    fields,
    paste_into: 'IAM > Identity providers > Add provider',
  };
}

/** Returns the commands of the whole set-up. IAM refuses to create what exists, and leaves it unchanged. */
function commands(settings: AwsSettings, facts: TrustFacts, role: RoleArn): TrustDocument {
  const iam = isAwsRole(role) ? 'aws iam' : `aws --endpoint-url ${gatewayOf(settings)} iam`;
  const createRole: [string, string][] = [
    ['--role-name', role.name],
    ...(role.path === '/' ? [] : [['--path', role.path] as [string, string]]),
    ['--assume-role-policy-document', 'file://trust-policy.json'],
    ...(settings.max_duration > sessionDuration.default
      ? [['--max-session-duration', String(settings.max_duration)] as [string, string]]
      : []),
  ];
  const text = [
    ...providerCommands(iam, facts, role),
    '# A new role, with the trust policy above saved as trust-policy.json',
    shellCommand(`${iam} create-role`, createRole),
    '# A role that exists',
    shellCommand(`${iam} update-assume-role-policy`, [
      ['--role-name', role.name],
      ['--policy-document', 'file://trust-policy.json'],
    ]),
  ].join('\n');
  return {
    name: 'aws-cli',
    title: 'The same with the AWS command line',
    form: 'shell',
    text,
    paste_into: isAwsRole(role)
      ? 'a terminal with rights on IAM, such as AWS CloudShell'
      : 'a terminal with the AWS command line and the keys of a user of the gateway with rights on roles and oidc-provider',
  };
}

/** The endpoint of the gateway, as a word of a shell: a variable where the identity does not name it. */
function gatewayOf({ sts_endpoint }: AwsSettings): string {
  return sts_endpoint === undefined ? '"$RGW_URL"' : shellWord(sts_endpoint);
}

/** The AWS command line of Debian 12 (2.9) does not run without a thumbprint, and Ceph RGW refuses a provider without one. */
const anyThumbprint = '0'.repeat(40);

function providerCommands(iam: string, { issuer, ...facts }: TrustFacts, role: RoleArn): string[] {
  const audience = formatAudience(facts);
  const arn = providerArn(role, issuerHostPath(issuer)!);
  const create = shellCommand(`${iam} create-open-id-connect-provider`, [
    ['--url', issuer],
    ['--client-id-list', audience],
    ['--thumbprint-list', anyThumbprint],
  ]);
  if (isAwsRole(role))
    return [
      '# Once per account: the identity provider. If it is there already, add the audience to it.',
      '# AWS ignores the thumbprint of an issuer with a certificate of a public authority. For a private one, put the SHA-1 of the top certificate.',
      create,
      shellCommand(`${iam} add-client-id-to-open-id-connect-provider`, [
        ['--open-id-connect-provider-arn', arn],
        ['--client-id', audience],
      ]),
    ];
  return [
    ...(iam.includes('$RGW_URL') ? ['# RGW_URL is the URL of the gateway'] : []),
    '# Once per account or tenant: the identity provider. RGW 16 does not compare the thumbprint; a newer one wants the SHA-1 of `x5c[0]` of the first key in the JWKS.',
    create,
    '# Ceph RGW 16 cannot add an audience to a provider that exists (405). Delete it, and create it with all its audiences:',
    `# ${iam} delete-open-id-connect-provider --open-id-connect-provider-arn ${shellWord(arn)}`,
  ];
}

/** MinIO has no trust policies. It uses an OpenID provider with a role policy (cloud-facts.md 1.12). */
function minioProvider(service: string, issuer: string, audience: string): TrustDocument {
  const fields = [
    { label: 'Config URL', value: `${issuer}/.well-known/openid-configuration` },
    { label: 'Client ID', value: audience },
    { label: 'Role Policy', value: 'the policies that every token with this audience may use' },
  ];
  return {
    name: 'minio-provider',
    title: `OpenID provider of ${service}`,
    form: 'fields',
    text: formatFields(fields),
    fields,
    paste_into: `${service} Console > Identity > OpenID > Create Configuration`,
  };
}

function listWarnings(settings: AwsSettings, facts: TrustFacts, role: RoleArn, first: TrustDocument): string[] {
  const warnings = isAwsRole(role) ? issuerWarnings(facts.issuer, 'AWS', { port: true }) : [];
  if (isMinioRole(role))
    warnings.push(
      `${serviceOf(role)} looks at the issuer and the audience, not at the subject or the role: every aws identity${facts.tenancy === 'multi' ? ' of this organisation' : ''} gets this role policy there.`,
    );
  else warnings.push(...scopeWarnings(facts));
  if (settings.source_identity && serviceOf(role) === 'Ceph RGW')
    warnings.push(
      'Ceph RGW has no source identity: the trust policy leaves sts:SetSourceIdentity out, and conditions cannot use it. Use session_tags to name the user there.',
    );
  warnings.push(...deliveryWarnings(facts, "the session name and the duration at AWS, up to the role's own maximum"));
  if (settings.max_duration > sessionDuration.default)
    warnings.push(
      `The role's maximum session duration must be at least ${settings.max_duration} seconds; it is 3600 unless changed.`,
    );
  const length = first.text.replaceAll(/\s/g, '').length;
  if (first.form === 'json' && length > maximumPolicyLength)
    warnings.push(
      `The trust policy has ${length} characters; AWS allows ${maximumPolicyLength} unless the quota is raised.`,
    );
  return warnings;
}
