import { ArsiaError } from '../core/errors.ts';
import { isObject, type JsonObject } from '../core/json.ts';
import { type JsonNode, locate, type Position, parseJson, toValue } from '../iampolicy/json.ts';
import { parseYaml } from './yaml.ts';

/**
 * Characters. IAM stores trust policies of up to 4096 without white space (cloud-facts.md 1.6); no other document is longer.
 */
const maximumDocumentLength = 32_768;

const maximumDepth = 64;

/** Returns the object in a pasted text, JSON or YAML. Throws `invalid_request` where it is none, or as `parseText` does. */
export function parseDocument(text: string, what: string): JsonObject {
  const value = parseText(text, what);
  if (!isObject(value)) throw invalidDocument(what, 'is not a JSON or YAML object');
  return value;
}

/**
 * Returns the value in a pasted text: JSON, or YAML, which gcloud and Kubernetes use. Throws `invalid_request` where it is
 * neither, or has a member twice. Clouds refuse a member that stands twice; JSON.parse keeps the last one, so that a policy
 * with two `StringEquals` blocks would be judged by half of its conditions.
 */
export function parseText(text: string, what: string): unknown {
  return toValue(parseNode(text, what).node);
}

export interface PastedNode {
  /** Offsets are of the pasted text. */
  node: JsonNode;
  form: 'json' | 'yaml';
}

/** Returns the value in a pasted text with the places of its parts. Throws as `parseText` does. */
export function parseNode(text: string, what: string): PastedNode {
  if (text.length > maximumDocumentLength)
    throw invalidDocument(what, `is longer than ${maximumDocumentLength} characters`);
  const start = text.length - text.replace(/^\ufeff/, '').trimStart().length;
  const source = text.trimEnd();
  if (!/^[[{"]/.test(source.slice(start, start + 1))) {
    const parsed = parseYaml(source.slice(start), start, maximumDepth);
    if ('fault' in parsed) throw invalidDocument(what, parsed.fault);
    return { node: parsed.node, form: 'yaml' };
  }
  const node = parseJson(source, { length: maximumDocumentLength, depth: maximumDepth }, start);
  if (!('fault' in node)) return { node, form: 'json' };
  throw invalidDocument(what, `${node.fault.message} (${formatPosition(locate(source, node.fault.offset))})`);
}

export function formatPosition({ line, column }: Position): string {
  return `line ${line}, column ${column}`;
}

export function invalidDocument(what: string, fault: string): ArsiaError {
  return new ArsiaError('invalid_request', `The ${what} ${fault}.`, {
    advice: 'Paste the whole document as the cloud shows it, or the one that the trust page of the identity generates.',
  });
}

/** Returns the error for a feature of a document that `evaluate` does not know. `known` lists what it does know. */
export function unsupported(what: string, name: string, known: string): ArsiaError {
  return new ArsiaError('not_supported', `The ${what} uses ${name}, which is not supported yet.`, {
    advice: `Supported are ${known}.`,
  });
}

/** Returns the reader of a member that is a string or absent. `what` is the kind of document. */
export function optionalTextIn(what: string): (value: unknown, place: string) => string | undefined {
  return (value, place) => {
    if (value === undefined || typeof value === 'string') return value;
    throw invalidDocument(what, `has a \`${place}\` that is not a string`);
  };
}

/** A member that no verdict depends on, with the reason why. */
export interface Irrelevant {
  irrelevant: string;
}

/** Reads the value of a member (undefined where it is absent). Returns the part that the verdict needs, or throws. */
export type MemberReader = (value: unknown, place: string) => unknown;

/** The members that a document may have. Each has a reader, or the reason why no verdict depends on it. */
export type Members = Readonly<Record<string, MemberReader | Irrelevant>>;

export type ReadMembers<M extends Members> = {
  [Name in keyof M as M[Name] extends MemberReader ? Name : never]: M[Name] extends MemberReader
    ? ReturnType<M[Name]>
    : never;
};

/** Returns the fault `not_supported` of an object with a member that is not listed; undefined where all are. */
export function findUnknownMember(
  value: JsonObject,
  members: Members,
  what: string,
  place = '',
): ArsiaError | undefined {
  const unknown = Object.keys(value).find((name) => !Object.hasOwn(members, name));
  if (unknown === undefined) return undefined;
  const known = Object.keys(members).map((name) => `\`${place}${name}\``);
  return unsupported(what, `\`${place}${unknown}\``, known.join(', '));
}

/**
 * Returns what `read` returns, or the ArsiaError `not_supported` that it throws: for a part of a document on which the verdict
 * may not depend. Rethrows every other error.
 */
export function orUnsupported<T>(read: () => T): T | ArsiaError {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof ArsiaError && thrown.code === 'not_supported') return thrown;
    throw thrown;
  }
}

/**
 * Reads the members of an object. Throws ArsiaError `not_supported` for a member that is not listed, since a condition that
 * is silently skipped would count as met. `place` is the path of the object for messages, such as `jwt[].issuer.`.
 */
export function readMembers<M extends Members>(
  value: JsonObject,
  members: M,
  what: string,
  place = '',
): ReadMembers<M> {
  const unknown = findUnknownMember(value, members, what, place);
  if (unknown !== undefined) throw unknown;
  return readKnownMembers(value, members, place);
}

/** Reads the members that are listed, whatever else the object has: the caller has the fault of `findUnknownMember`. */
export function readKnownMembers<M extends Members>(value: JsonObject, members: M, place: string): ReadMembers<M> {
  const read = Object.entries(members).flatMap(([name, member]) =>
    typeof member === 'function' ? [[name, member(value[name], `${place}${name}`)] as const] : [],
  );
  return Object.fromEntries(read) as ReadMembers<M>;
}
