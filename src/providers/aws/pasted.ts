import { findMember, type JsonNode, locate, type Position, toValue } from '../../iampolicy/json.ts';
import { invalidDocument, parseNode } from '../document.ts';
import { findHolder, what } from './policyholder.ts';

export interface PastedPolicy {
  root: JsonNode;
  /** The policy itself as JSON: a part of the pasted text, unless that is YAML or encoded. */
  text: string;
  /** The role that the output of a command names. */
  roleArn: string | undefined;
  /** Returns the place in the pasted text. */
  locate(offset: number): Position;
}

/** Reads the policy, alone, in the role that the command line and the SDKs print, or in a template of CloudFormation. Throws as `parseDocument` does. */
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
