import { ArsiaError } from '../core/errors.ts';
import { isObject, type JsonObject } from '../core/json.ts';
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
  if (text.length > maximumDocumentLength)
    throw invalidDocument(what, `is longer than ${maximumDocumentLength} characters`);
  const source = text.replace(/^\ufeff/, '').trim();
  if (!/^[[{"]/.test(source)) {
    const parsed = parseYaml(source);
    if ('fault' in parsed) throw invalidDocument(what, parsed.fault);
    if (!isObject(parsed.value) && !Array.isArray(parsed.value)) return parsed.value;
    // As JSON, so that both forms have the same types and the same limit of depth.
    return parseText(JSON.stringify(parsed.value), what);
  }
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch (thrown) {
    // Without the part of the text that V8 quotes: a secret that was pasted by mistake must not reach the audit.
    throw invalidDocument(what, `is not JSON: ${(thrown as Error).message.replace(/,? (?:\.\.\.)?".*/s, '')}`);
  }
  const fault = structureFault(source);
  if (fault !== undefined) throw invalidDocument(what, fault);
  return value;
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

/** Returns the fault of a JSON text that has a duplicate member, or is nested too deeply. */
function structureFault(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = [];
  let isName = false;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],]/g)) {
    if (token === '{' || token === '[') {
      if (open.push(token === '{' ? new Set() : undefined) > maximumDepth) return `nests deeper than ${maximumDepth}`;
      isName = token === '{';
    } else if (token === '}' || token === ']') {
      open.pop();
      isName = false;
    } else if (token === ',') {
      isName = open.at(-1) !== undefined;
    } else if (isName) {
      const name = JSON.parse(token) as string;
      const names = open.at(-1);
      if (names?.has(name)) return `has the member ${JSON.stringify(name)} twice in one object`;
      names?.add(name);
      isName = false;
    }
  }
  return undefined;
}
