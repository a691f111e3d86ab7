import { awsRolesClaim } from '../../core/claims.ts';
import type { ArsiaError } from '../../core/errors.ts';
import type { Condition } from '../../iampolicy/conditions.ts';
import { type Decision, decide, type Mismatch, type Outcome } from '../../iampolicy/decide.ts';
import { knownMembers, readPolicy } from '../../iampolicy/grammar.ts';
import type { Position } from '../../iampolicy/json.ts';
import type { Fault, Policy, Statement } from '../../iampolicy/policy.ts';
import { formatPosition, invalidDocument, type Members, unsupported } from '../document.ts';
import type { EvaluateRequest, Verdict } from '../provider.ts';
import { type Denial, deny } from '../verdict.ts';
import { type PastedPolicy, readPasted } from './pasted.ts';
import { outputMembers, propertyMembers, resourceMembers, roleMembers, templateMembers, what } from './policyholder.ts';
import { buildTrustRequest, supportedKeys, type TrustRequest } from './request.ts';
import { trustPolicy } from './trustpolicy.ts';

const readByEngine = () => undefined;
const byEngine = (names: readonly string[]): Members => Object.fromEntries(names.map((name) => [name, readByEngine]));

/** Every member of a trust policy that `evaluate` knows, by its path. */
export const members: Readonly<Record<string, Members>> = {
  '': {
    ...byEngine(knownMembers.policy),
    Id: { irrelevant: 'It names the policy, and no request is compared with it.' },
  },
  'Statement.': byEngine(knownMembers.statement.filter((name) => !name.endsWith('Resource'))),
  'Statement.Principal.': byEngine(knownMembers.principal),
  'get-role: ': outputMembers,
  'get-role: Role.': roleMembers,
  'template: ': templateMembers,
  'template: Resources[].': resourceMembers,
  'template: Resources[].Properties.': propertyMembers,
};

/** A pasted trust policy and what it says about a token. */
export interface JudgedTrust {
  pasted: PastedPolicy;
  policy: Policy;
  asked: TrustRequest;
  /** Undefined where the token is denied before the policy is read. */
  decision: Decision | undefined;
  /** The action that is denied. */
  action: string | undefined;
  verdict: Verdict;
  /** The place of what denies, in the pasted text. */
  position: Position | undefined;
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
  return judgeTrust(document, claims, request).verdict;
}

/** The same as `evaluate`, with the statement that decides and its place. */
export function judgeTrust(
  document: string,
  claims: Readonly<Record<string, unknown>>,
  request: EvaluateRequest = {},
): JudgedTrust {
  const pasted = readPasted(document);
  const policy = readTrustPolicy(pasted);
  const asked = buildTrustRequest(claims, request);
  const judged = { pasted, policy, asked, decision: undefined, action: undefined, position: undefined };
  const refused = refuseByRole(pasted.roleArn, asked);
  if (refused !== undefined) return { ...judged, verdict: refused };
  let decision: Decision | undefined;
  for (const action of asked.actions) {
    decision = decide(policy, { action, principal: asked.principal, context: asked.context });
    if (decision.effect === 'undecided') throw refuseUndecided(decision.outcome, pasted);
    if (decision.effect === 'allow') continue;
    const offset = decision.effect === 'explicit_deny' ? decision.outcome.statement.offset : offsetOf(decision.outcome);
    const position = offset === undefined ? undefined : pasted.locate(offset);
    return { ...judged, decision, action, position, verdict: explainDenial(decision, action) };
  }
  return { ...judged, decision, verdict: { allow: true } };
}

/** Throws for a policy that IAM does not store, unless the part that it does not know is in a statement that may not matter. */
function readTrustPolicy(pasted: PastedPolicy): Policy {
  const { policy, faults } = readPolicy(pasted.root, trustPolicy);
  const fault = faults.find(({ kind }) => kind !== 'unknown');
  if (fault !== undefined) throw invalidDocument(what, describeFault(fault, pasted));
  const unknown = faults.find(({ statement }) => statement === undefined);
  if (unknown !== undefined) throw refuseUnknown(unknown, pasted);
  return policy;
}

function describeFault({ message, expected, offset }: Fault, pasted: PastedPolicy): string {
  return `${message} (${formatPosition(pasted.locate(offset))}; expected ${expected})`;
}

function refuseUnknown(fault: Fault, pasted: PastedPolicy): ArsiaError {
  return unsupported(
    what,
    `${fault.message.replace(/^has (?:an? )?/, '')} (${formatPosition(pasted.locate(fault.offset))})`,
    fault.expected,
  );
}

/** AWS compares the roles claim before it reads the trust policy (cases/aws-facts.md 24). */
function refuseByRole(pastedRole: string | undefined, { role, rolesClaim }: TrustRequest): Denial | undefined {
  if (pastedRole !== undefined && role !== undefined && role.arn !== pastedRole)
    return deny('Role.Arn', pastedRole, role.arn);
  if (rolesClaim.state === 'absent' || role === undefined) return undefined;
  if (rolesClaim.state === 'listed' && rolesClaim.roles.includes(role.arn)) return undefined;
  return deny(
    awsRolesClaim,
    role.arn,
    rolesClaim.state === 'listed' ? rolesClaim.roles.join(', ') : 'no ARN of a role',
  );
}

function titleOf({ sid, index }: Statement): string {
  return `statement ${sid || index + 1}`;
}

function offsetOf(outcome: Outcome | undefined): number | undefined {
  return outcome === undefined ? undefined : (outcome.mismatches[0]?.offset ?? outcome.statement.offset);
}

/** Reports a Deny that applies, otherwise the Allow that passed most checks. */
function explainDenial(decision: Decision, action: string): Denial {
  const { effect, outcome } = decision;
  if (effect === 'explicit_deny')
    return deny(`Deny in ${titleOf(outcome!.statement)}`, 'a token that it does not cover', `${action} is denied`);
  const [mismatch] = outcome?.mismatches ?? [];
  if (outcome === undefined || mismatch === undefined) return deny('Effect', 'a statement that allows', 'none does');
  return deny(
    conditionOf(mismatch),
    expectedOf(mismatch, outcome.statement),
    mismatch.actual?.join(', ') ?? 'not in the request',
  );
}

function conditionOf({ element, condition }: Mismatch): string {
  if (condition !== undefined) return labelOf(condition);
  return element === 'Principal' ? 'Principal.Federated' : element;
}

function expectedOf({ element, expected }: Mismatch, { principal }: Statement): readonly string[] {
  if (element !== 'Principal') return expected;
  return principal!.values.filter(({ kind }) => kind === 'Federated').map(({ text }) => text);
}

function labelOf({ name, key }: Condition): string {
  return `${name} ${key}`;
}

/** Returns the error for a verdict that depends on what Arsia does not know. */
function refuseUndecided({ statement, unknown }: Outcome, pasted: PastedPolicy): ArsiaError {
  const [condition] = unknown;
  if (condition === undefined) return refuseUnknown(statement.fault!, pasted);
  const variable = condition.values.find(({ text }) => text.includes('${'));
  const place = formatPosition(pasted.locate(condition.offset));
  if (variable !== undefined)
    return unsupported(
      what,
      `the policy variable of \`${labelOf(condition)}\` (${place})`,
      `variables of ${supportedKeys}`,
    );
  return unsupported(what, `the condition key of \`${labelOf(condition)}\` (${place})`, supportedKeys);
}
