import {
  checkTrustFacts,
  deliveryWarnings,
  formatFields,
  issuerWarnings,
  scopeWarnings,
  shellCommand,
} from '../facts.ts';
import type { Trust, TrustDocument, TrustFacts } from '../provider.ts';
import { formatAudience } from './assertion.ts';
import { isAwsRole, isMinioRole, issuerHostPath, parseRoleArn, providerArn, type RoleArn } from './names.ts';
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
    ? [minioProvider(facts.issuer, audience)]
    : [trustPolicy(settings, facts, role), oidcProvider(facts.issuer, audience), commands(settings, facts, role)];
  return {
    issuer: facts.issuer,
    subject: facts.subject,
    audience,
    documents,
    warnings: listWarnings(settings, facts, role, documents[0]!),
  };
}

function buildPolicy(settings: AwsSettings, facts: TrustFacts, role: RoleArn): object {
  const hostPath = issuerHostPath(facts.issuer)!;
  const actions = [
    'sts:AssumeRoleWithWebIdentity',
    ...(settings.session_tags === undefined ? [] : ['sts:TagSession']),
    ...(settings.source_identity ? ['sts:SetSourceIdentity'] : []),
  ];
  const aud = { [`${hostPath}:aud`]: formatAudience(facts) };
  const sub = { [`${hostPath}:sub`]: facts.subject };
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Federated: providerArn(role, hostPath) },
        Action: actions.length === 1 ? actions[0] : actions,
        // StringLike only for a subject pattern of all users. The audience is always exact.
        Condition: facts.is_subject_pattern
          ? { StringEquals: aud, StringLike: sub }
          : { StringEquals: { ...aud, ...sub } },
      },
    ],
  };
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
  const audience = formatAudience(facts);
  const createRole: [string, string][] = [
    ['--role-name', role.name],
    ...(role.path === '/' ? [] : [['--path', role.path] as [string, string]]),
    ['--assume-role-policy-document', 'file://trust-policy.json'],
    ...(settings.max_duration > sessionDuration.default
      ? [['--max-session-duration', String(settings.max_duration)] as [string, string]]
      : []),
  ];
  const text = [
    '# Once per account: the identity provider. If it is there already, add the audience to it.',
    shellCommand('aws iam create-open-id-connect-provider', [
      ['--url', facts.issuer],
      ['--client-id-list', audience],
      // Ceph RGW requires a thumbprint, but does not compare it.
      ...(isAwsRole(role) ? [] : [['--thumbprint-list', '0'.repeat(40)] as const]),
    ]),
    shellCommand('aws iam add-client-id-to-open-id-connect-provider', [
      ['--open-id-connect-provider-arn', providerArn(role, issuerHostPath(facts.issuer)!)],
      ['--client-id', audience],
    ]),
    '# A new role, with the trust policy above saved as trust-policy.json',
    shellCommand('aws iam create-role', createRole),
    '# A role that exists',
    shellCommand('aws iam update-assume-role-policy', [
      ['--role-name', role.name],
      ['--policy-document', 'file://trust-policy.json'],
    ]),
  ].join('\n');
  return {
    name: 'aws-cli',
    title: 'The same with the AWS command line',
    form: 'shell',
    text,
    paste_into: 'a terminal with rights on IAM, such as AWS CloudShell',
  };
}

/** MinIO has no trust policies. It uses an OpenID provider with a role policy (cloud-facts.md 1.12). */
function minioProvider(issuer: string, audience: string): TrustDocument {
  const fields = [
    { label: 'Config URL', value: `${issuer}/.well-known/openid-configuration` },
    { label: 'Client ID', value: audience },
    { label: 'Role Policy', value: 'the policies that every token with this audience may use' },
  ];
  return {
    name: 'minio-provider',
    title: 'OpenID provider of MinIO',
    form: 'fields',
    text: formatFields(fields),
    fields,
    paste_into: 'MinIO Console > Identity > OpenID > Create Configuration',
  };
}

function listWarnings(settings: AwsSettings, facts: TrustFacts, role: RoleArn, first: TrustDocument): string[] {
  const warnings = isAwsRole(role) ? issuerWarnings(facts.issuer, 'AWS', { port: true }) : [];
  if (isMinioRole(role))
    warnings.push(
      `MinIO looks at the issuer and the audience, not at the subject or the role: every aws identity${facts.tenancy === 'multi' ? ' of this organisation' : ''} gets this role policy there.`,
    );
  else warnings.push(...scopeWarnings(facts));
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
