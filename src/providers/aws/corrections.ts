import { ArsiaError } from '../../core/errors.ts';
import { isObject, type JsonObject } from '../../core/json.ts';
import type { Decision, Outcome } from '../../iampolicy/decide.ts';
import type { EvaluateRequest } from '../provider.ts';
import { buildStatement, type TrustedSubject } from './buildtrustpolicy.ts';
import { type JudgedTrust, judgeTrust } from './evaluate.ts';
import { valueOfKey } from './findings.ts';
import { providerArn } from './names.ts';
import type { TrustRequest } from './request.ts';

/** More than the parts that one statement can lack; a correction that needs more is none. */
const maximumSteps = 12;

/**
 * Returns the pasted policy with the smallest change that lets this subject in, and no other: its exact value beside those of a condition, a
 * missing action, an exception in a Deny, or a statement of its own. Nobody loses access. Members and indentation stay. Returns undefined
 * where the policy is not what denies, or where a part of it cannot be judged.
 */
export function correctTrust(
  judged: JudgedTrust,
  claims: Readonly<Record<string, unknown>>,
  request: EvaluateRequest = {},
): string | undefined {
  let current = judged;
  const indent = indentOf(judged.pasted.text);
  for (let step = 0; step < maximumSteps && current.decision !== undefined; step++) {
    if (current.verdict.allow) return step === 0 ? undefined : current.pasted.text;
    const policy = JSON.parse(current.pasted.text) as JsonObject;
    const trusted = trustedBy(current.asked);
    if (trusted === undefined || !mend(policy, current.decision, current.action!, trusted)) return undefined;
    const text = JSON.stringify(policy, null, indent);
    const next = judgeAgain(text, claims, request);
    if (next === undefined) return undefined;
    current = next;
  }
  return undefined;
}

/** Returns undefined for a correction that cannot be judged, or that is longer than a policy may be. */
function judgeAgain(
  text: string,
  ...rest: [Readonly<Record<string, unknown>>, EvaluateRequest]
): JudgedTrust | undefined {
  try {
    return judgeTrust(text, ...rest);
  } catch (thrown) {
    if (thrown instanceof ArsiaError && thrown.code !== 'internal') return undefined;
    throw thrown;
  }
}

function indentOf(text: string): string {
  return /^\s*[[{]\r?\n([ \t]+)/.exec(text)?.[1] ?? (text.includes('\n') ? '  ' : '');
}

/** Returns whom the token names; undefined where no policy can name it. */
function trustedBy(asked: TrustRequest): TrustedSubject | undefined {
  const { hostPath, role, actions } = asked;
  if (hostPath === undefined || role === undefined) return undefined;
  const audience = valueOfKey(asked, `${hostPath}:aud`);
  const subject = valueOfKey(asked, `${hostPath}:sub`);
  if (audience === undefined || subject === undefined) return undefined;
  return { provider: providerArn(role, hostPath), hostPath, actions, audience, subject, is_subject_pattern: false };
}

/** Changes the policy in place. Returns false where nothing can be changed. */
function mend(policy: JsonObject, decision: Decision, action: string, trusted: TrustedSubject): boolean {
  const statements = [policy.Statement].flat() as JsonObject[];
  policy.Statement = statements;
  const hasVariables = policy.Version === '2012-10-17';
  const text = (value: string) => (hasVariables ? value.replaceAll('${', '$'.concat('{$}{')) : value);
  const { effect, outcome } = decision;
  if (effect === 'explicit_deny') return exempt(statements, outcome!, trusted, text);
  if (outcome !== undefined && extend(statements[outcome.statement.index]!, outcome, action, trusted, text))
    return true;
  const { audience, subject } = trusted;
  statements.push(buildStatement({ ...trusted, audience: text(audience), subject: text(subject) }));
  return true;
}

/** Adds an exception for the subject to a Deny. Returns false where it has one already, and still denies. */
function exempt(
  statements: JsonObject[],
  { statement, applies }: Outcome,
  { hostPath, subject }: TrustedSubject,
  text: (value: string) => string,
): boolean {
  if (applies !== true) return false;
  const target = statements[statement.index]!;
  const conditions = (target.Condition ?? {}) as Record<string, JsonObject>;
  const block = isObject(conditions.StringNotEquals) ? conditions.StringNotEquals : {};
  const key = Object.keys(block).find((one) => isKey(one, `${hostPath}:sub`)) ?? `${hostPath}:sub`;
  const excepted = block[key] === undefined ? text(subject) : [...[block[key]].flat(), text(subject)];
  target.Condition = { ...conditions, StringNotEquals: { ...block, [key]: excepted } };
  return true;
}

/**
 * Adds the one value that a statement lacks, beside those that it has, so that nobody loses access. Returns false where that would let in another
 * subject, which a statement of its own does not.
 */
function extend(
  statement: JsonObject,
  { mismatches, statement: { conditions } }: Outcome,
  action: string,
  { hostPath, audience, subject }: TrustedSubject,
  text: (value: string) => string,
): boolean {
  const [mismatch] = mismatches;
  if (mismatch === undefined || mismatches.length > 1) return false;
  const isForSubjectOnly = conditions.some(
    ({ name, key, values }) =>
      name === 'StringEquals' &&
      isKey(key, `${hostPath}:sub`) &&
      values.length === 1 &&
      values[0]!.text === text(subject),
  );
  if (mismatch.element === 'Action' && action !== 'sts:AssumeRoleWithWebIdentity' && isForSubjectOnly) {
    statement.Action = [...[statement.Action].flat(), action];
    return true;
  }
  const { condition } = mismatch;
  if (condition?.operator === undefined || condition.operator.isNegated) return false;
  if (!condition.operator.name.startsWith('String')) return false;
  const value = isKey(condition.key, `${hostPath}:sub`)
    ? subject
    : isKey(condition.key, `${hostPath}:aud`) && isForSubjectOnly
      ? audience
      : undefined;
  if (value === undefined || /[*?]/.test(value)) return false;
  const block = (statement.Condition as Record<string, JsonObject>)[condition.name]!;
  block[condition.key] = [...[block[condition.key]].flat(), text(value)];
  return true;
}

function isKey(key: string, other: string): boolean {
  return key.toLowerCase() === other.toLowerCase();
}
