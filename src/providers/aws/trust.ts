import { checkTrustFacts, deliveryWarnings, formatFields, issuerWarnings, scopeWarnings } from '../facts.ts';
import type { Trust, TrustDocument, TrustFacts } from '../provider.ts';
import { formatAudience } from './assertion.ts';
import { buildTrustPolicy, maximumPolicyLength, measurePolicy, trustedSubject } from './buildtrustpolicy.ts';
import { commandDocument, longSession, providerCommands, roleCommands } from './commandline.ts';
import { hasDynamicReference, policyDocument, providerDocuments, providerForm, roleDocuments } from './documents.ts';
import { isAwsRole, isMinioRole, parseRoleArn, type RoleArn, serviceOf } from './names.ts';
import type { AwsSettings } from './settings.ts';

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
    : listDocuments(settings, facts, role);
  return {
    issuer: facts.issuer,
    subject: facts.subject,
    audience,
    documents,
    warnings: listWarnings(settings, facts, role),
  };
}

function listDocuments(settings: AwsSettings, facts: TrustFacts, role: RoleArn): TrustDocument[] {
  const { issuer } = facts;
  const audience = formatAudience(facts);
  const policy = buildTrustPolicy([trustedSubject(settings, facts)]);
  const file = 'trust-policy.json';
  const commands = [...providerCommands(settings, role, issuer, audience), ...roleCommands(settings, role, file)];
  return [
    policyDocument(role, policy, 'trust-policy'),
    providerForm(issuer, audience),
    commandDocument(role, 'aws-cli', 'The same with the AWS command line', commands),
    // Ceph RGW has neither a Terraform provider nor CloudFormation.
    ...(isAwsRole(role)
      ? [...providerDocuments(role, issuer, audience), ...roleDocuments(settings, role, policy, '')]
      : []),
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

function listWarnings(settings: AwsSettings, facts: TrustFacts, role: RoleArn): string[] {
  const warnings = isAwsRole(role) ? issuerWarnings(facts.issuer, 'AWS', { port: true }) : [];
  if (isMinioRole(role))
    warnings.push(
      `${serviceOf(role)} looks at the issuer and the audience, not at the subject or the role: every aws identity${facts.tenancy === 'multi' ? ' of this organisation' : ''} gets this role policy there.`,
    );
  else warnings.push(...scopeWarnings(facts));
  warnings.push(...sourceIdentityWarnings(settings, role));
  warnings.push(...deliveryWarnings(facts, "the session name and the duration at AWS, up to the role's own maximum"));
  warnings.push(...roleWarnings(settings, role));
  const length = isAwsRole(role) ? measurePolicy(buildTrustPolicy([trustedSubject(settings, facts)])) : 0;
  if (length > maximumPolicyLength)
    warnings.push(
      `The trust policy has ${length} characters; AWS allows ${maximumPolicyLength} unless the quota is raised.`,
    );
  return warnings;
}

/** Returns a warning for Ceph RGW, which refuses a trust policy with the action for the source identity. */
export function sourceIdentityWarnings({ source_identity }: AwsSettings, role: RoleArn): string[] {
  return source_identity && serviceOf(role) === 'Ceph RGW'
    ? [
        'Ceph RGW has no source identity: the trust policy leaves sts:SetSourceIdentity out, and conditions cannot use it. Use session_tags to name the user there.',
      ]
    : [];
}

/** Returns warnings that concern the role and no subject. */
export function roleWarnings(settings: AwsSettings, role: RoleArn): string[] {
  const duration = longSession(settings);
  return [
    ...(duration === undefined
      ? []
      : [`The role's maximum session duration must be at least ${duration} seconds; it is 3600 unless changed.`]),
    ...(isAwsRole(role) && hasDynamicReference(role)
      ? [
          'There is no CloudFormation template: the path of the role contains {{resolve:, which CloudFormation would replace.',
        ]
      : []),
  ];
}
