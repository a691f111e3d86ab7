import { ArsiaError } from '../../core/errors.ts';
import { isObject, type JsonObject } from '../../core/json.ts';
import { invalidDocument, type Members, orUnsupported, parseText, readMembers, unsupported } from '../document.ts';
import type { Verdict } from '../provider.ts';
import { type Denial, deny } from '../verdict.ts';

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

const type = (value: unknown): void => {
  if (value !== undefined && !/\/federatedIdentityCredentials$/i.test(String(value)))
    throw invalidDocument(
      what,
      `is a resource of the type ${JSON.stringify(value)}, not a federated identity credential`,
    );
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
  // `az identity federated-credential` prints ARM's members flattened into those of the credential.
  type,
  systemData: { irrelevant: 'ARM adds it to its answers: who made and changed the credential, and when.' },
  resourceGroup: { irrelevant: 'The command line adds it: where the managed identity is.' },
} satisfies Members;

/** Members of the form of ARM. */
const wrapperMembers = {
  properties: (value: unknown) => {
    if (!isObject(value)) throw invalidDocument(what, 'has `properties` that are not an object');
    return readMembers(value, credentialMembers, what, 'properties.');
  },
  type,
  name: { irrelevant: 'It identifies the credential to people and in URLs; no token is compared with it.' },
  id: { irrelevant: 'It identifies the credential in URLs; no token is compared with it.' },
  systemData: { irrelevant: 'ARM adds it to its answers: who made and changed the credential, and when.' },
  resourceGroup: { irrelevant: 'The command line adds it: where the managed identity is.' },
} satisfies Members;

/** Every member of a credential that `evaluate` knows, by its path, in the form of Graph and in that of ARM. */
export const members = { '': credentialMembers, 'ARM: ': wrapperMembers, 'ARM: properties.': credentialMembers };

/**
 * Evaluates a federated identity credential: issuer, subject and audience are compared byte for byte, case and white space
 * included (cloud-facts.md 2.1). Takes the form of Graph, that of ARM, which wraps it in `properties`, that of the command line,
 * and lists of them, of which one is enough. Throws `invalid_request` or `not_supported` for a document that it cannot evaluate.
 */
export function evaluate(document: string, claims: Claims): Verdict {
  const { credentials, isWhole } = parseCredentials(document);
  const misses: Miss[] = [];
  for (const credential of credentials.map((value) => ({
    value,
    parsed: orUnsupported(() => parseCredential(value)),
  }))) {
    const { value, parsed } = credential;
    if (parsed instanceof ArsiaError) {
      // Entra looks for credentials of the token's issuer.
      if (credentials.length === 1 || issuerOf(value) === claims.iss) misses.push({ progress: 3, fault: parsed });
      continue;
    }
    const miss = missOf(parsed, claims);
    if (miss === undefined) return { allow: true };
    misses.push(miss);
  }
  if (!isWhole) throw invalidDocument(what, 'is one page of a list: paste the credential itself');
  const closest = misses.reduce((best, miss) => (miss.progress > best.progress ? miss : best), misses[0]!);
  if (closest === undefined) return deny('issuer', credentials.map(issuerOf).map(String), claims.iss);
  if (closest.fault !== undefined) throw closest.fault;
  return closest.denial!;
}

type Claims = Readonly<Record<string, unknown>>;

/** A credential that does not take the token, and how many of its texts were equal. */
interface Miss {
  progress: number;
  denial?: Denial;
  fault?: ArsiaError;
}

function missOf(credential: ReturnType<typeof parseCredential>, claims: Claims): Miss | undefined {
  const compared = [
    ['issuer', 'iss'],
    ['subject', 'sub'],
    ['audience', 'aud'],
  ] as const;
  for (const [progress, [condition, claim]] of compared.entries()) {
    const expected = credential[condition];
    const actual = claims[claim];
    if (actual !== expected) return { progress, denial: deny(condition, expected, actual) };
  }
  return undefined;
}

/** One credential, the list of the command line, or the page that Graph and ARM answer. */
function parseCredentials(document: string): { credentials: JsonObject[]; isWhole: boolean } {
  const parsed = parseText(document, what);
  const page = isObject(parsed) && Array.isArray(parsed.value) ? withoutAnnotations(parsed) : undefined;
  const unknown = Object.keys(page ?? {}).find((name) => name !== 'value' && name !== 'nextLink');
  if (unknown !== undefined) throw unsupported(what, `\`${unknown}\` beside \`value\``, '`value`, `nextLink`');
  const credentials = [page === undefined ? parsed : page.value].flat();
  if (credentials.length === 0 || !credentials.every(isObject))
    throw invalidDocument(what, 'is not a JSON or YAML object, or a list of them');
  const isWhole = !page || ((parsed as JsonObject)['@odata.nextLink'] ?? page.nextLink ?? null) === null;
  return { credentials: credentials.map(withoutAnnotations), isWhole };
}

/** Graph adds `@odata.…` and `@microsoft.graph.…` to objects and before their members: where a schema or an object is. */
function withoutAnnotations(value: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(value).filter(([name]) => !/^\w*@(?:odata|microsoft\.graph)\.[\w.]+$/.test(name)),
  );
}

function issuerOf(value: JsonObject): unknown {
  return value.issuer ?? (isObject(value.properties) ? value.properties.issuer : undefined);
}

function parseCredential(value: JsonObject): { issuer: string; subject: string; audience: string } {
  const { issuer, subject, audiences } = isObject(value.properties)
    ? readMembers(value, wrapperMembers, what).properties
    : readMembers(value, credentialMembers, what);
  return { issuer, subject, audience: audiences };
}
