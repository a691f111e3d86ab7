import { isObject } from '../../core/json.ts';
import { invalidDocument, type Members, parseDocument, readMembers, unsupported } from '../document.ts';
import type { Verdict } from '../provider.ts';
import { deny } from '../verdict.ts';

const what = 'federated identity credential';
/** Characters (cloud-facts.md 2.1). */
const maximumText = 600;

const text =
  (name: string) =>
  (value: unknown): string => {
    if (typeof value !== 'string' || value === '') throw invalidDocument(what, `has no \`${name}\``);
    if (value.length > maximumText)
      throw invalidDocument(what, `has a \`${name}\` of more than ${maximumText} characters`);
    return value;
  };

/** Members of a federated credential, as Graph, ARM and the command line show it. */
const credentialMembers = {
  // Used instead of a subject.
  claimsMatchingExpression: (value: unknown): void => {
    if (value !== undefined && value !== null)
      throw unsupported(
        what,
        '`claimsMatchingExpression`',
        'an exact `subject`: Entra supports expressions only for a few issuers',
      );
  },
  issuer: text('issuer'),
  subject: text('subject'),
  audiences: (value: unknown): string => {
    if (!Array.isArray(value) || value.length !== 1 || typeof value[0] !== 'string')
      throw invalidDocument(
        what,
        'must have exactly one audience, such as "audiences": ["api://AzureADTokenExchange"]',
      );
    return text('audiences')(value[0]);
  },
  name: { irrelevant: 'It identifies the credential to people and in URLs; no token is compared with it.' },
  description: { irrelevant: 'It is shown to people, and no token is compared with it.' },
  id: { irrelevant: 'It identifies the credential in URLs; no token is compared with it.' },
  '@odata.context': { irrelevant: 'Graph adds it to its answers: where the schema is.' },
  '@odata.id': { irrelevant: 'Graph adds it to its answers: the URL of the credential.' },
} satisfies Members;

/** Members of the form of ARM. */
const wrapperMembers = {
  properties: (value: unknown) => {
    if (!isObject(value)) throw invalidDocument(what, 'has `properties` that are not an object');
    return readMembers(value, credentialMembers, what, 'properties.');
  },
  type: (value: unknown): void => {
    if (value !== undefined && !/\/federatedIdentityCredentials$/i.test(String(value)))
      throw invalidDocument(
        what,
        `is a resource of the type ${JSON.stringify(value)}, not a federated identity credential`,
      );
  },
  name: { irrelevant: 'It identifies the credential to people and in URLs; no token is compared with it.' },
  id: { irrelevant: 'It identifies the credential in URLs; no token is compared with it.' },
  systemData: { irrelevant: 'ARM adds it to its answers: who made and changed the credential, and when.' },
  resourceGroup: { irrelevant: 'The command line adds it: where the managed identity is.' },
} satisfies Members;

/** Every member of a credential that `evaluate` knows, by its path, in the form of Graph and in that of ARM. */
export const members = { '': credentialMembers, 'ARM: ': wrapperMembers, 'ARM: properties.': credentialMembers };

/**
 * Evaluates a federated identity credential. Issuer, subject and audience are compared byte for byte, including case and
 * white space (cloud-facts.md 2.1). Accepts the form of Graph, and that of ARM, which wraps it in `properties`. Throws
 * `invalid_request` or `not_supported` for a document that it cannot evaluate.
 */
export function evaluate(document: string, claims: Readonly<Record<string, unknown>>): Verdict {
  const credential = parseCredential(document);
  for (const [condition, claim] of [
    ['issuer', 'iss'],
    ['subject', 'sub'],
    ['audience', 'aud'],
  ] as const) {
    const expected = credential[condition];
    const actual = claims[claim];
    if (actual !== expected) return deny(condition, expected, actual);
  }
  return { allow: true };
}

function parseCredential(document: string): { issuer: string; subject: string; audience: string } {
  const value = parseDocument(document, what);
  const { issuer, subject, audiences } = isObject(value.properties)
    ? readMembers(value, wrapperMembers, what).properties
    : readMembers(value, credentialMembers, what);
  return { issuer, subject, audience: audiences };
}
