import { ArsiaError } from '../../core/errors.ts';
import { isObject, type JsonObject } from '../../core/json.ts';
import {
  findUnknownMember,
  invalidDocument,
  type Members,
  orUnsupported,
  parseDocument,
  readKnownMembers,
  readMembers,
  unsupported,
} from '../document.ts';
import type { EvaluateRequest, Verdict } from '../provider.ts';
import { type Denial, deny } from '../verdict.ts';
import { type Condition, holds, matchesWildcards, parseCondition, readConditions } from './conditions.ts';
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
  Principal: (value: unknown, place: string) => (value === undefined ? undefined : parsePrincipal(value, place)),
  Action: (value: unknown, place: string) => (value === undefined ? undefined : texts(value, place)),
  Condition: readConditions,
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

/** The role as `aws iam get-role` and `create-role` print it. */
const roleMembers = {
  Arn: (value: unknown, place: string): string | undefined => {
    if (value === undefined || typeof value === 'string') return value;
    throw invalidDocument(what, `has a \`${place}\` that is not a string`);
  },
  // The API has it as JSON that is encoded as in a URL; the command line decodes it.
  AssumeRolePolicyDocument: (value: unknown, place: string): JsonObject => {
    if (isObject(value)) return value;
    if (typeof value !== 'string') throw invalidDocument(what, `has no \`${place}\``);
    return parseDocument(decoded(value), what);
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

const outputMembers = {
  Role: (value: unknown, place: string) => {
    if (!isObject(value)) throw invalidDocument(what, `has a \`${place}\` that is not an object`);
    return readMembers(value, roleMembers, what, `${place}.`);
  },
  ResponseMetadata: { irrelevant: 'The SDK for Python adds it to answers: the request and its status.' },
  $metadata: { irrelevant: 'The SDK for JavaScript adds it to answers: the request and its status.' },
} satisfies Members;

/** Every member of a trust policy that `evaluate` knows, by its path. Conditions are in conditions.ts. */
export const members = {
  '': policyMembers,
  'Statement.': statementMembers,
  'Statement.Principal.': principalMembers,
  'get-role: ': outputMembers,
  'get-role: Role.': roleMembers,
};

interface Principal {
  /** Providers by ARN; empty when the principal is of another kind. */
  federated: string[];
  isForAnyone: boolean;
}

interface Statement {
  /** Name for messages: `statement 1`, or its Sid. */
  title: string;
  isAllow: boolean;
  /** Undefined where the statement names them in a way that Arsia does not judge (NotAction): any may be meant. */
  actions: string[] | undefined;
  principal: Principal | undefined;
  conditions: (Condition | ArsiaError)[];
  /** The member of the statement that Arsia does not judge. */
  unknown: ArsiaError | undefined;
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
  const { policy, roleArn } = policyOf(parseDocument(document, what));
  const statements = parsePolicy(policy);
  const asked = buildTrustRequest(claims, request);
  if (roleArn !== undefined && asked.role !== undefined && asked.role.arn !== roleArn)
    return deny('Role.Arn', roleArn, asked.role.arn);
  for (const action of asked.actions) {
    const verdict = decide(statements, action, asked);
    if (!verdict.allow) return verdict;
  }
  return { allow: true };
}

/**
 * Returns an explicit deny, otherwise an explicit allow, otherwise the reason of the statement that passed most checks. Throws `not_supported` where the
 * verdict depends on a statement that Arsia cannot judge.
 */
function decide(statements: Statement[], action: string, asked: TrustRequest): Verdict {
  const outcomes = statements.map((statement) => ({ statement, outcome: outcomeOf(statement, action, asked) }));
  const denying = outcomes.filter(({ statement }) => !statement.isAllow);
  const denies = denying.find(({ outcome }) => outcome === 'applies');
  if (denies !== undefined)
    return deny(`Deny in ${denies.statement.title}`, 'a token that it does not cover', `${action} is denied`);
  demandJudged(denying);
  const allowing = outcomes.filter(({ statement }) => statement.isAllow);
  if (allowing.some(({ outcome }) => outcome === 'applies')) return { allow: true };
  demandJudged(allowing);
  let closest: Miss | undefined;
  for (const { outcome } of allowing)
    if (isMiss(outcome) && outcome.progress > (closest?.progress ?? -1)) closest = outcome;
  return closest?.denial ?? deny('Effect', 'a statement that allows', 'none does');
}

type Outcome = 'applies' | Miss | ArsiaError;

function isMiss(outcome: Outcome): outcome is Miss {
  return outcome !== 'applies' && !(outcome instanceof ArsiaError);
}

function demandJudged(judged: readonly { outcome: Outcome }[]): void {
  for (const { outcome } of judged) if (outcome instanceof ArsiaError) throw outcome;
}

/** Returns whether a statement applies, why it does not, or which part of it Arsia does not support. A part that fails decides. */
function outcomeOf(statement: Statement, action: string, asked: TrustRequest): Outcome {
  const { actions, principal, conditions, unknown } = statement;
  if (actions !== undefined && !actions.some((pattern) => matchesAction(pattern, action)))
    return { progress: principal?.federated.length ? 1 : 0, denial: deny('Action', actions, action) };
  if (principal !== undefined && !matchesPrincipal(principal, statement.isAllow, asked))
    return { progress: 2, denial: deny('Principal.Federated', principal.federated, describePrincipal(asked)) };
  const faults = unknown === undefined ? [] : [unknown];
  const failed: Condition[] = [];
  for (const condition of conditions) {
    const outcome = condition instanceof ArsiaError ? condition : orUnsupported(() => holds(condition, asked.context));
    if (outcome instanceof ArsiaError) faults.push(outcome);
    else if (!outcome) failed.push(condition as Condition);
  }
  const [first] = failed;
  if (first === undefined) return faults[0] ?? 'applies';
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
function matchesPrincipal(principal: Principal, isAllow: boolean, { role, hostPath }: TrustRequest): boolean {
  if (principal.isForAnyone && !isAllow) return true;
  if (hostPath === undefined) return false;
  return principal.federated.some((arn) =>
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

/** Takes the policy itself, and the role that has it as the command line and the SDKs print it. */
function policyOf(value: JsonObject): { policy: JsonObject; roleArn?: string | undefined } {
  const role = isObject(value.Role)
    ? readMembers(value, outputMembers, what).Role
    : value.AssumeRolePolicyDocument === undefined
      ? undefined
      : readMembers(value, roleMembers, what);
  return role === undefined ? { policy: value } : { policy: role.AssumeRolePolicyDocument, roleArn: role.Arn };
}

function decoded(text: string): string {
  try {
    return text.startsWith('%') ? decodeURIComponent(text) : text;
  } catch {
    throw invalidDocument(what, 'has an `AssumeRolePolicyDocument` that is not URL-encoded');
  }
}

function parsePolicy(document: JsonObject): Statement[] {
  const policy = readMembers(document, policyMembers, what);
  const hasVariables = policy.Version === '2012-10-17';
  return policy.Statement.map((element, index) => parseStatement(element, index, hasVariables));
}

function parseStatement(element: JsonObject, index: number, hasVariables: boolean): Statement {
  const place = `Statement[${index}].`;
  const unknown = findUnknownMember(element, statementMembers, what, place);
  const { Sid, Effect, Principal, Action, Condition } = readKnownMembers(element, statementMembers, place);
  for (const [name, value] of Object.entries({ Principal, Action }))
    if (value === undefined && unknown === undefined) throw invalidDocument(what, `has no \`${place}${name}\``);
  return {
    title: `statement ${Sid || index + 1}`,
    isAllow: Effect,
    actions: Action,
    principal: Principal instanceof ArsiaError ? undefined : Principal,
    conditions: Condition.map((written) =>
      orUnsupported(() => {
        const condition = parseCondition(written, hasVariables);
        if (isKnownKey(condition.key)) return condition;
        throw unsupported(what, `the condition key of \`${condition.label}\``, supportedKeys);
      }),
    ),
    unknown: Principal instanceof ArsiaError ? Principal : unknown,
  };
}

/** Trust policies may also name users, roles and services. A web identity never matches these. */
function parsePrincipal(element: unknown, place: string): Principal | ArsiaError {
  if (element === '*') return { federated: [], isForAnyone: true };
  if (!isObject(element) || Object.keys(element).length === 0) throw invalidDocument(what, `has no \`${place}\``);
  const unknown = findUnknownMember(element, principalMembers, what, `${place}.`);
  if (unknown !== undefined) return unknown;
  const { Federated, AWS } = readKnownMembers(element, principalMembers, `${place}.`);
  return { federated: Federated, isForAnyone: Federated.includes('*') || AWS.includes('*') };
}

function texts(element: unknown, place: string): string[] {
  const values = [element].flat();
  if (values.length === 0 || !values.every((value) => typeof value === 'string'))
    throw invalidDocument(what, `has no \`${place}\`, or one that is not text`);
  return values as string[];
}
