import { isObject, type JsonObject } from '../../core/json.ts';
import type { Decision, Mismatch, Outcome } from '../../iampolicy/decide.ts';
import { orUnsupported } from '../document.ts';
import type { EvaluateRequest } from '../provider.ts';
import { type JudgedTrust, judgeTrust } from './evaluate.ts';
import { valueOfKey } from './findings.ts';
import { providerArn } from './names.ts';
import type { TrustRequest } from './request.ts';
import { buildStatement, type TrustedSubject } from './trust.ts';

/** More than the parts that one statement can lack; a correction that needs more is none. */
const maximumSteps = 12;

/**
 * Returns the pasted policy with the smallest change that lets this token in, and only it: exact values of `aud` and `sub`, missing actions, an
 * exception in a Deny, or a statement of its own. Members and indentation stay. Returns undefined where the policy is not what denies, or where a
 * part of it cannot be judged.
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
    const next = orUnsupported(() => judgeTrust(text, claims, request));
    if (next instanceof Error) return undefined;
    current = next;
  }
  return undefined;
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
  if (outcome !== undefined) {
    const statement = statements[outcome.statement.index]!;
    const [first] = outcome.mismatches;
    if (first?.element === 'Action' && action !== 'sts:AssumeRoleWithWebIdentity') {
      statement.Action = [...[statement.Action].flat(), action];
      return true;
    }
    const fixes = outcome.mismatches.map((mismatch) => exactValue(mismatch, trusted));
    if (fixes.length > 0 && fixes.every((value) => value !== undefined)) {
      for (const [index, mismatch] of outcome.mismatches.entries()) setExact(statement, mismatch, text(fixes[index]!));
      return true;
    }
  }
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
  const key =
    Object.keys(block).find((one) => one.toLowerCase() === `${hostPath}:sub`.toLowerCase()) ?? `${hostPath}:sub`;
  const excepted = block[key] === undefined ? text(subject) : [...[block[key]].flat(), text(subject)];
  target.Condition = { ...conditions, StringNotEquals: { ...block, [key]: excepted } };
  return true;
}

/** Returns the value of the token for a condition that demands another one of `aud` or `sub`. */
function exactValue({ condition }: Mismatch, { hostPath, audience, subject }: TrustedSubject): string | undefined {
  if (condition?.operator === undefined || condition.operator.isNegated) return undefined;
  if (!condition.operator.name.startsWith('String')) return undefined;
  const key = condition.key.toLowerCase();
  if (key === `${hostPath}:aud`.toLowerCase()) return audience;
  return key === `${hostPath}:sub`.toLowerCase() ? subject : undefined;
}

/** Replaces a condition by StringEquals with one value. */
function setExact(statement: JsonObject, { condition }: Mismatch, value: string): void {
  const { name, key } = condition!;
  const conditions = { ...(statement.Condition as Record<string, JsonObject>) };
  const { [key]: _, ...rest } = conditions[name]!;
  if (name === 'StringEquals') conditions[name] = { ...conditions[name], [key]: value };
  else {
    if (Object.keys(rest).length === 0) delete conditions[name];
    else conditions[name] = rest;
    conditions.StringEquals = { ...conditions.StringEquals, [key]: value };
  }
  statement.Condition = conditions;
}
