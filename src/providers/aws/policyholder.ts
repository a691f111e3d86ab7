import { isObject, type JsonObject } from '../../core/json.ts';
import { findMember, type JsonNode, toValue } from '../../iampolicy/json.ts';
import { invalidDocument, type Members, readMembers } from '../document.ts';

export const what = 'trust policy';

const asObject = (value: unknown, place: string): JsonObject => {
  if (isObject(value)) return value;
  throw invalidDocument(what, `has a \`${place}\` that is not an object`);
};

/** The role as `aws iam get-role` and `create-role` print it. */
export const roleMembers = {
  Arn: (value: unknown, place: string): string | undefined => {
    if (value === undefined || typeof value === 'string') return value;
    throw invalidDocument(what, `has a \`${place}\` that is not a string`);
  },
  // The API has it as JSON that is encoded as in a URL; the command line decodes it.
  AssumeRolePolicyDocument: (value: unknown, place: string): JsonObject | string => {
    if (isObject(value) || typeof value === 'string') return value;
    throw invalidDocument(what, `has no \`${place}\``);
  },
  Path: { irrelevant: 'It is a part of the Arn, which is compared.' },
  RoleName: { irrelevant: 'It is a part of the Arn, which is compared.' },
  RoleId: { irrelevant: 'It identifies the role to AWS; no token names it.' },
  CreateDate: { irrelevant: 'It says when the role was made, and no token is compared with it.' },
  Description: { irrelevant: 'It is shown to people, and no token is compared with it.' },
  MaxSessionDuration: { irrelevant: 'It limits how long a session a job may ask for, whatever the token is.' },
  PermissionsBoundary: { irrelevant: 'It limits what the session may do, not who may open one.' },
  RoleLastUsed: { irrelevant: 'It says when the role was used, and no token is compared with it.' },
  Tags: { irrelevant: 'They are tags of the role; a trust policy sees those of the session.' },
} satisfies Members;

export const outputMembers = {
  Role: (value: unknown, place: string) => readMembers(asObject(value, place), roleMembers, what, `${place}.`),
  ResponseMetadata: { irrelevant: 'The SDK for Python adds it to answers: the request and its status.' },
  $metadata: { irrelevant: 'The SDK for JavaScript adds it to answers: the request and its status.' },
} satisfies Members;

/** A template of CloudFormation. A macro in \`Transform\` could change any part of it. */
export const templateMembers = {
  Resources: asObject,
  AWSTemplateFormatVersion: { irrelevant: 'There is only one version of the format.' },
  Description: { irrelevant: 'It is shown to people, and no token is compared with it.' },
  Metadata: { irrelevant: 'It is for tools, and no token is compared with it.' },
  Parameters: { irrelevant: 'A policy with a reference to one is not valid as it stands.' },
  Outputs: { irrelevant: 'They are made from resources, and no resource depends on them.' },
} satisfies Members;

export const resourceMembers = {
  Type: (value: unknown) => value,
  Properties: asObject,
  DependsOn: { irrelevant: 'It says in what order the resources are made.' },
  DeletionPolicy: { irrelevant: 'It says what is left when the stack is deleted.' },
  UpdateReplacePolicy: { irrelevant: 'It says what is left when the role is replaced.' },
} satisfies Members;

export const propertyMembers = {
  AssumeRolePolicyDocument: roleMembers.AssumeRolePolicyDocument,
  RoleName: { irrelevant: 'The policy is judged for the role that the token names; the template has no account.' },
  Path: { irrelevant: 'The policy is judged for the role that the token names; the template has no account.' },
  Description: roleMembers.Description,
  MaxSessionDuration: roleMembers.MaxSessionDuration,
  PermissionsBoundary: roleMembers.PermissionsBoundary,
  ManagedPolicyArns: { irrelevant: 'They say what the session may do, not who may open one.' },
  Policies: { irrelevant: 'They say what the session may do, not who may open one.' },
  Tags: roleMembers.Tags,
} satisfies Members;

const roleType = 'AWS::IAM::Role';

/** Returns the object that has the policy as a member, where the pasted text is not the policy itself. */
export function findHolder(node: JsonNode): { holder: JsonNode | undefined; roleArn: string | undefined } {
  const value = toValue(node) as JsonObject;
  if (isObject(value.Role)) {
    const role = readMembers(value, outputMembers, what).Role;
    return { holder: findMember(node, 'Role'), roleArn: role.Arn };
  }
  if (value.Resources !== undefined) return { holder: findTemplateRole(node, value), roleArn: undefined };
  if (value.AssumeRolePolicyDocument === undefined) return { holder: undefined, roleArn: undefined };
  return { holder: node, roleArn: readMembers(value, roleMembers, what).Arn };
}

/** Returns the properties of the only role of a template. */
function findTemplateRole(node: JsonNode, value: JsonObject): JsonNode {
  const { Resources: resources } = readMembers(value, templateMembers, what);
  const roles = Object.entries(resources).filter(([, resource]) => isObject(resource) && resource.Type === roleType);
  const [[name, role] = []] = roles;
  if (roles.length !== 1 || name === undefined)
    throw invalidDocument(what, `is a template with ${roles.length} resources of the type ${roleType}, and not one`);
  const { Properties: properties } = readMembers(role as JsonObject, resourceMembers, what, 'Resources[].');
  readMembers(properties, propertyMembers, what, 'Resources[].Properties.');
  return findMember(findMember(findMember(node, 'Resources')!, name)!, 'Properties')!;
}
