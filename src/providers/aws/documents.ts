import { formatFields } from '../facts.ts';
import { formatHcl, HclJson, toHclName } from '../hcl.ts';
import type { TrustDocument } from '../provider.ts';
import { formatYaml } from '../yaml.ts';
import type { TrustPolicy } from './buildtrustpolicy.ts';
import { anyThumbprint, longSession } from './commandline.ts';
import { findPartition, isAwsRole, issuerHostPath, providerArn, type RoleArn } from './names.ts';
import type { AwsSettings } from './settings.ts';

/** Returns the trust policy as IAM shows it. */
export function policyDocument(role: RoleArn, policy: TrustPolicy, name: string): TrustDocument {
  return {
    name,
    title: `Trust policy of the role ${role.name}`,
    form: 'json',
    // Ceph RGW accepts only compact JSON (cloud-facts.md 10).
    text: isAwsRole(role) ? JSON.stringify(policy, null, 2) : JSON.stringify(policy),
    paste_into: `IAM > Roles > ${role.name} > Trust relationships > Edit trust policy`,
  };
}

/** Returns the OIDC provider as the values of the console's form. */
export function providerForm(issuer: string, audience: string): TrustDocument {
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

/** Returns the OIDC provider for tools. Without a thumbprint IAM reads that of the issuer's certificate. */
export function providerDocuments(role: RoleArn, issuer: string, audience: string): TrustDocument[] {
  const arn = providerArn(role, issuerHostPath(issuer)!);
  const resource = { type: 'aws_iam_openid_connect_provider', name: 'arsia' };
  const request = { Url: issuer, ClientIDList: [audience], ThumbprintList: [anyThumbprint] };
  return [
    {
      name: 'oidc-provider-json',
      title: 'Identity provider as JSON, once per account',
      form: 'json',
      text: JSON.stringify(request, null, 2),
      paste_into:
        'oidc-provider.json, for aws iam create-open-id-connect-provider --cli-input-json file://oidc-provider.json',
    },
    {
      name: 'oidc-provider-terraform',
      title: 'Identity provider with Terraform, once per account',
      form: 'hcl',
      text: formatHcl([
        {
          comment: `If the account has it already: terraform import ${resource.type}.${resource.name} ${arn}\nThen add the audience to those that it has.`,
          type: 'resource',
          labels: [resource.type, resource.name],
          attributes: { url: issuer, client_id_list: [audience] },
        },
      ]),
      paste_into: terraformPlace(role),
    },
    cloudFormation(role, {
      name: 'oidc-provider-cloudformation',
      title: 'Identity provider with CloudFormation, once per account',
      stack: 'arsia-oidc-provider',
      resource: {
        Provider: {
          Type: 'AWS::IAM::OIDCProvider',
          Properties: { Url: issuer, ClientIdList: [audience] },
        },
      },
    }),
  ];
}

/** Returns the role with its trust policy for tools. The names of the documents end in `suffix`. */
export function roleDocuments(
  settings: AwsSettings,
  role: RoleArn,
  policy: TrustPolicy,
  suffix: string,
): TrustDocument[] {
  const duration = longSession(settings);
  const terraform: TrustDocument = {
    name: `role-terraform${suffix}`,
    title: `The role ${role.name} with Terraform`,
    form: 'hcl',
    text: formatHcl([
      {
        comment: `If the account has it already: terraform import aws_iam_role.${toHclName(role.name)} ${role.name}\nWhat the role may do is for you to add: aws_iam_role_policy_attachment or aws_iam_role_policy.`,
        type: 'resource',
        labels: ['aws_iam_role', role.name],
        attributes: {
          name: role.name,
          ...(role.path !== '/' && { path: role.path }),
          ...(duration !== undefined && { max_session_duration: duration }),
          assume_role_policy: new HclJson(policy),
        },
      },
    ]),
    paste_into: terraformPlace(role),
  };
  if (hasDynamicReference(role)) return [terraform];
  const properties = {
    RoleName: role.name,
    ...(role.path !== '/' && { Path: role.path }),
    ...(duration !== undefined && { MaxSessionDuration: duration }),
    AssumeRolePolicyDocument: policy,
  };
  return [
    terraform,
    cloudFormation(role, {
      name: `role-cloudformation${suffix}`,
      title: `The role ${role.name} with CloudFormation; add what it may do as Policies or ManagedPolicyArns`,
      stack: `arsia-${role.name.replace(/[^A-Za-z0-9-]/g, '-')}`,
      resource: { Role: { Type: 'AWS::IAM::Role', Properties: properties } },
    }),
  ];
}

/** CloudFormation replaces `{{resolve:…}}` in any text by a parameter or a secret, and has no escape for it. */
export function hasDynamicReference({ path }: RoleArn): boolean {
  return path.includes('{{resolve:');
}

function cloudFormation(
  role: RoleArn,
  { name, title, stack, resource }: { name: string; title: string; stack: string; resource: object },
): TrustDocument {
  const region = findPartition(role)!.region;
  return {
    name,
    title,
    form: 'yaml',
    text: formatYaml({ AWSTemplateFormatVersion: '2010-09-09', Resources: resource }),
    paste_into: `${name}.yaml, for aws cloudformation deploy --region ${region} --stack-name ${stack} --template-file ${name}.yaml --capabilities CAPABILITY_NAMED_IAM, in the account ${role.account}`,
  };
}

function terraformPlace({ account, partition }: RoleArn): string {
  const where = partition === 'aws' ? '' : ` in the partition ${partition}`;
  return `a Terraform configuration with the hashicorp/aws provider for the account ${account}${where}`;
}
