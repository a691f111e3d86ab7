import { shellCommand, shellWord } from '../facts.ts';
import type { TrustDocument } from '../provider.ts';
import { findPartition, isAwsRole, issuerHostPath, providerArn, type RoleArn } from './names.ts';
import { type AwsSettings, sessionDuration } from './settings.ts';

/** The AWS command line of Debian 12 (2.9) does not run without a thumbprint, and Ceph RGW refuses a provider without one. */
export const anyThumbprint = '0'.repeat(40);

/** Returns the document with these commands. */
export function commandDocument(
  role: RoleArn,
  name: string,
  title: string,
  commands: readonly string[],
): TrustDocument {
  return {
    name,
    title,
    form: 'shell',
    text: commands.join('\n'),
    paste_into: isAwsRole(role)
      ? `a terminal with rights on IAM in the account ${role.account}, such as AWS CloudShell`
      : 'a terminal with the AWS command line and the keys of a user of the gateway with rights on roles and oidc-provider',
  };
}

/** Returns the commands that create the OIDC provider. IAM refuses to create what exists, and leaves it unchanged. */
export function providerCommands(settings: AwsSettings, role: RoleArn, issuer: string, audience: string): string[] {
  const iam = iamCommand(settings, role);
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

/** Returns the commands that create the role or change its trust policy, which is saved as `file`. */
export function roleCommands(settings: AwsSettings, role: RoleArn, file: string): string[] {
  const iam = iamCommand(settings, role);
  return [
    `# A new role, with the trust policy above saved as ${file}`,
    shellCommand(`${iam} create-role`, [
      ['--role-name', role.name],
      ...option('--path', role.path === '/' ? undefined : role.path),
      ['--assume-role-policy-document', `file://${file}`],
      ...option('--max-session-duration', longSession(settings)),
    ]),
    '# A role that exists',
    shellCommand(`${iam} update-assume-role-policy`, [
      ['--role-name', role.name],
      ['--policy-document', `file://${file}`],
    ]),
  ];
}

function option(name: string, value: string | number | undefined): [string, string][] {
  return value === undefined ? [] : [[name, String(value)]];
}

/** Returns the maximum session duration that a role must have, in seconds; undefined where the default suffices. */
export function longSession({ max_duration }: Pick<AwsSettings, 'max_duration'>): number | undefined {
  return max_duration > sessionDuration.default ? max_duration : undefined;
}

/** IAM has one endpoint per partition, which the AWS command line finds by the region. */
function iamCommand(settings: AwsSettings, role: RoleArn): string {
  if (!isAwsRole(role)) return `aws --endpoint-url ${gatewayOf(settings)} iam`;
  return role.partition === 'aws' ? 'aws iam' : `aws --region ${findPartition(role)!.region} iam`;
}

/** The endpoint of the gateway, as a word of a shell: a variable where the identity does not name it. */
function gatewayOf({ sts_endpoint }: AwsSettings): string {
  return sts_endpoint === undefined ? '"$RGW_URL"' : shellWord(sts_endpoint);
}
