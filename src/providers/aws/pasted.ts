import { isObject, type JsonObject } from '../../core/json.ts';
import { findMember, type JsonNode, locate, type Position, toValue } from '../../iampolicy/json.ts';
import { invalidDocument, type Members, parseNode, readMembers } from '../document.ts';

export const what = 'trust policy';

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
  Role: (value: unknown, place: string) => {
    if (!isObject(value)) throw invalidDocument(what, `has a \`${place}\` that is not an object`);
    return readMembers(value, roleMembers, what, `${place}.`);
  },
  ResponseMetadata: { irrelevant: 'The SDK for Python adds it to answers: the request and its status.' },
  $metadata: { irrelevant: 'The SDK for JavaScript adds it to answers: the request and its status.' },
} satisfies Members;

export interface PastedPolicy {
  root: JsonNode;
  /** The policy itself as JSON: a part of the pasted text, unless that is YAML or encoded. */
  text: string;
  /** The role that the output of a command names. */
  roleArn: string | undefined;
  /** Returns the place in the pasted text. */
  locate(offset: number): Position;
}

/** Reads the policy, alone or in the role that the command line and the SDKs print. Throws as `parseDocument` does. */
export function readPasted(document: string): PastedPolicy {
  const { node, form } = parseNode(document, what);
  if (node.type !== 'object') throw invalidDocument(what, 'is not a JSON or YAML object');
  const { holder, roleArn } = findHolder(node);
  const root = holder === undefined ? node : findMember(holder, 'AssumeRolePolicyDocument')!;
  if (root.type === 'string')
    return { ...readEncoded(root.value, root.start), roleArn, locate: (at) => locate(document, at) };
  const text = form === 'json' ? document.slice(root.start, root.end) : JSON.stringify(toValue(root), null, 2);
  return { root, text, roleArn, locate: (offset) => locate(document, offset) };
}

/** Returns the object that has the policy as a member, where the pasted text is not the policy itself. */
function findHolder(node: JsonNode): { holder: JsonNode | undefined; roleArn: string | undefined } {
  const value = toValue(node) as JsonObject;
  if (isObject(value.Role)) {
    const role = readMembers(value, outputMembers, what).Role;
    return { holder: findMember(node, 'Role'), roleArn: role.Arn };
  }
  if (value.AssumeRolePolicyDocument === undefined) return { holder: undefined, roleArn: undefined };
  return { holder: node, roleArn: readMembers(value, roleMembers, what).Arn };
}

/** A policy within a string has the place of the string. */
function readEncoded(value: string, offset: number): { root: JsonNode; text: string } {
  const text = decode(value);
  const { node } = parseNode(text, what);
  if (node.type !== 'object') throw invalidDocument(what, 'is not a JSON or YAML object');
  return { root: placeAt(node, offset), text };
}

function placeAt(node: JsonNode, offset: number): JsonNode {
  const place = { start: offset, end: offset };
  if (node.type === 'array') return { ...node, ...place, items: node.items.map((item) => placeAt(item, offset)) };
  if (node.type !== 'object') return { ...node, ...place };
  const members = node.members.map(({ name, value }) => ({ name, nameStart: offset, value: placeAt(value, offset) }));
  return { ...node, ...place, members };
}

function decode(text: string): string {
  try {
    return text.startsWith('%') ? decodeURIComponent(text) : text;
  } catch {
    throw invalidDocument(what, 'has an `AssumeRolePolicyDocument` that is not URL-encoded');
  }
}
