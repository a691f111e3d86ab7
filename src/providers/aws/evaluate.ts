import { isObject, type JsonObject } from '../../core/json.ts';
import { invalidDocument, type Members, parseDocument, readMembers, unsupported } from '../document.ts';
import type { EvaluateRequest, Verdict } from '../provider.ts';
import { type Denial, deny } from '../verdict.ts';
import { type Condition, holds, matchesWildcards, parseConditions } from './conditions.ts';
import { providerArn } from './names.ts';
import { buildTrustRequest, isKnownKey, type TrustRequest } from './request.ts';

const what = 'trust policy';
const supportedKeys =
  "the issuer's `aud`, `sub` and `amr`, sts:RoleAuthorizedByIdp, sts:RoleSessionName, sts:SourceIdentity, sts:TransitiveTagKeys, aws:RequestTag/…, aws:TagKeys and aws:FederatedProvider";

const principalMembers = {
  Federated: (value: unknown, place: string): string[] => (value === undefined ? [] : texts(value, place)),
  /** A web identity matches only `*` among these principals. */
  AWS: (value: unknown, place: string): string[] => (value === undefined ? [] : texts(value, place)),
  Service: { irrelevant: 'It names services of AWS, and a web identity is not a service.' },
  CanonicalUser: { irrelevant: 'It names an account by its id for S3, and a web identity is not an account.' },
} satisfies Members;

const statementMembers = {
  Sid: (value: unknown, place: string): string => {
    if (value === undefined) return '';
    if (typeof value === 'string' && /^[A-Za-z0-9]*$/.test(value)) return value;
    throw invalidDocument(what, `has a \`${place}\` that is not of letters and digits`);
  },
  Effect: (value: unknown, place: string): boolean => {
    if (value !== 'Allow' && value !== 'Deny')
      throw invalidDocument(what, `has an \`${place}\` that is neither "Allow" nor "Deny"`);
    return value === 'Allow';
  },
  Principal: parsePrincipal,
  Action: texts,
  /** Parsed later, because its meaning depends on the Version. */
  Condition: (value: unknown): unknown => value,
} satisfies Members;

const policyMembers = {
  Version: (value: unknown = '2008-10-17'): string => {
    if (value !== '2012-10-17' && value !== '2008-10-17')
      throw invalidDocument(what, `has the Version ${JSON.stringify(value)}, not "2012-10-17"`);
    return value;
  },
  Id: { irrelevant: 'It names the policy, and no request is compared with it.' },
  Statement: (value: unknown): JsonObject[] => {
    const elements = [value].flat();
    if (elements.length === 0 || !elements.every(isObject)) throw invalidDocument(what, 'has no Statement');
    return elements;
  },
} satisfies Members;

/** Every member of a trust policy that `evaluate` knows, by its path. Conditions are in conditions.ts. */
export const members = { '': policyMembers, 'Statement.': statementMembers, 'Statement.Principal.': principalMembers };

interface Statement {
  /** Name for messages: `statement 1`, or its Sid. */
  title: string;
  isAllow: boolean;
  actions: string[];
  /** Providers by ARN; empty when the principal is of another kind. */
  federated: string[];
  isForAnyone: boolean;
  conditions: Condition[];
}

/** A statement that does not apply, and how many checks it passed. The one that passed the most is reported. */
interface Miss {
  progress: number;
  denial: Denial;
}

/**
 * Evaluates the trust policy of a role for AssumeRoleWithWebIdentity with this token (cloud-facts.md 1.6, 7.4, 7.5). Throws
 * `invalid_request` or `not_supported` for a document that it cannot evaluate.
 */
export function evaluate(
  document: string,
  claims: Readonly<Record<string, unknown>>,
  request: EvaluateRequest = {},
): Verdict {
  const statements = parsePolicy(document);
  const asked = buildTrustRequest(claims, request);
  for (const action of asked.actions) {
    const verdict = decide(statements, action, asked);
    if (!verdict.allow) return verdict;
  }
  return { allow: true };
}

/** Returns an explicit deny, otherwise an explicit allow, otherwise the reason of the statement that passed most checks. */
function decide(statements: Statement[], action: string, asked: TrustRequest): Verdict {
  let closest: Miss | undefined;
  let allow = false;
  for (const statement of statements) {
    const miss = findMiss(statement, action, asked);
    if (miss === undefined && !statement.isAllow)
      return deny(`Deny in ${statement.title}`, 'a token that it does not cover', `${action} is denied`);
    if (miss === undefined) allow = true;
    else if (statement.isAllow && miss.progress > (closest?.progress ?? -1)) closest = miss;
  }
  if (allow) return { allow: true };
  return closest?.denial ?? deny('Effect', 'a statement that allows', 'none does');
}

/** Returns why a statement does not apply; undefined where it does. */
function findMiss(statement: Statement, action: string, asked: TrustRequest): Miss | undefined {
  const { actions, federated, conditions } = statement;
  if (!actions.some((pattern) => matchesAction(pattern, action)))
    return { progress: federated.length > 0 ? 1 : 0, denial: deny('Action', actions, action) };
  if (!matchesPrincipal(statement, asked))
    return { progress: 2, denial: deny('Principal.Federated', federated, describePrincipal(asked)) };
  const failed = conditions.filter((condition) => !holds(condition, asked.context));
  const first = failed[0];
  if (first === undefined) return undefined;
  const actual = asked.context.get(first.key)?.join(', ') ?? 'not in the request';
  return { progress: 3 + 1 / failed.length, denial: deny(first.label, first.values, actual) };
}

function describePrincipal({ role, hostPath, issuer }: TrustRequest): string {
  if (hostPath === undefined) return `the issuer ${JSON.stringify(issuer)}`;
  return role === undefined ? `…:oidc-provider/${hostPath}` : providerArn(role, hostPath);
}

/**
 * An Allow for `*` does not match, since AWS and Ceph refuse it for a web identity (cloud-facts.md 10). A Deny for everyone
 * does.
 */
function matchesPrincipal(statement: Statement, { role, hostPath }: TrustRequest): boolean {
  if (statement.isForAnyone && !statement.isAllow) return true;
  if (hostPath === undefined) return false;
  return statement.federated.some((arn) =>
    role === undefined
      ? /^arn:[^:]+:iam::[^:]*:oidc-provider\/(.+)$/.exec(arn)?.[1] === hostPath
      : arn === providerArn(role, hostPath),
  );
}

function matchesAction(pattern: string, action: string): boolean {
  if (pattern === '*') return true;
  const [service = '', name = ''] = pattern.toLowerCase().split(':');
  return service === 'sts' && matchesWildcards(name, action.toLowerCase().slice('sts:'.length));
}

function parsePolicy(document: string): Statement[] {
  const policy = readMembers(parseDocument(document, what), policyMembers, what);
  const hasVariables = policy.Version === '2012-10-17';
  return policy.Statement.map((element, index) => parseStatement(element, index, hasVariables));
}

function parseStatement(element: JsonObject, index: number, hasVariables: boolean): Statement {
  const { Sid, Effect, Principal, Action, Condition } = readMembers(
    element,
    statementMembers,
    what,
    `Statement[${index}].`,
  );
  const conditions = parseConditions(Condition, hasVariables);
  const unknown = conditions.find(({ key }) => !isKnownKey(key));
  if (unknown !== undefined) throw unsupported(what, `the condition key of \`${unknown.label}\``, supportedKeys);
  return {
    title: `statement ${Sid || index + 1}`,
    isAllow: Effect,
    actions: Action,
    ...Principal,
    conditions,
  };
}

/** Trust policies may also name users, roles and services. A web identity never matches these. */
function parsePrincipal(element: unknown, place: string): Pick<Statement, 'federated' | 'isForAnyone'> {
  if (element === '*') return { federated: [], isForAnyone: true };
  if (!isObject(element) || Object.keys(element).length === 0) throw invalidDocument(what, `has no \`${place}\``);
  const { Federated, AWS } = readMembers(element, principalMembers, what, `${place}.`);
  return { federated: Federated, isForAnyone: Federated.includes('*') || AWS.includes('*') };
}

function texts(element: unknown, place: string): string[] {
  const values = [element].flat();
  if (values.length === 0 || !values.every((value) => typeof value === 'string'))
    throw invalidDocument(what, `has no \`${place}\`, or one that is not text`);
  return values as string[];
}
