import type { FieldFault } from './errors.ts';
import { isObject } from './json.ts';
import { isOutsideIssuer, issuerRule, sharedIssuers } from './outsideissuers.ts';
import { matchesPattern } from './patterns.ts';

/**
 * One demand on one claim. `claim` is the name of a claim as the token has it, dots and all (`repository`); one that begins
 * with `/` is a JSON pointer (RFC 6901) and reaches into nested claims (`/kubernetes.io/namespace`). So no claim of a token
 * can pass for another one, as it could if dots both stood in names and separated them.
 */
export type Condition = { claim: string } & ({ equals: string } | { matches: string });

/** Lets tokens of one outside issuer speak for a service account. All conditions must hold; rules are alternatives. */
export interface TrustTerms {
  issuer: string;
  audience: string;
  conditions: Condition[];
}

export interface TrustRule extends TrustTerms {
  id: string;
  /** Each token, by its `iss` and `jti`, is good for one exchange. */
  single_use: boolean;
  /** Longest time from `iat` to `exp` of a token, in seconds. */
  maximum_lifetime: number;
}

/** Which claim of the token stood in the way of which rule. */
export interface TrustDenial {
  rule_id: string;
  claim: string;
  expected: string;
  actual: string;
}

export const trustLimits = { conditions: 20, claim: 256, value: 512, audience: 256 } as const;

const maximumShown = 200;

type Claims = Readonly<Record<string, unknown>>;

/**
 * Does a rule let these claims in? `rules` are those of the token's issuer, at least one; the signature and the times of the
 * token are verified before. A denial is that of the rule that came nearest.
 */
export function decideTrust<Rule extends TrustRule>(
  rules: readonly Rule[],
  claims: Claims,
): { rule: Rule } | { denial: TrustDenial } {
  let nearest: { held: number; denial: TrustDenial } | undefined;
  for (const rule of rules) {
    const { held, failed } = judge(rule, claims);
    if (failed === undefined) return { rule };
    if (nearest === undefined || held > nearest.held) nearest = { held, denial: { rule_id: rule.id, ...failed } };
  }
  return { denial: nearest!.denial };
}

function judge(rule: TrustRule, claims: Claims): { held: number; failed?: Omit<TrustDenial, 'rule_id'> } {
  if (claims.iss !== rule.issuer) return { held: 0, failed: refusal('iss', rule.issuer, claims.iss) };
  // A token for us and for somebody else could come from that somebody (threats.md N9).
  const { aud } = claims;
  const audience = Array.isArray(aud) && aud.length === 1 ? (aud[0] as unknown) : aud;
  if (audience !== rule.audience) return { held: 0, failed: refusal('aud', rule.audience, aud) };
  for (const [index, condition] of rule.conditions.entries()) {
    const value = claimAt(claims, condition.claim);
    if (!holds(condition, value))
      return { held: index + 1, failed: refusal(condition.claim, textOf(condition), value, 'matches' in condition) };
  }
  const held = rule.conditions.length + 1;
  const failed = lifetimeRefusal(rule, claims);
  return failed === undefined ? { held } : { held, failed };
}

function lifetimeRefusal({ maximum_lifetime }: TrustRule, { exp, iat }: Claims) {
  const lifetime = Number(exp) - Number(iat);
  if (lifetime <= maximum_lifetime) return undefined;
  const expected = `at most ${maximum_lifetime} s after iat (\`maximum_lifetime\` of the rule)`;
  return { claim: 'exp', expected, actual: `${lifetime} s after iat` };
}

function refusal(claim: string, expected: string, actual: unknown, isPattern = false) {
  return {
    claim,
    expected: `${shownClaim(expected)}${isPattern ? ' (a pattern)' : ''}`,
    actual: actual === undefined ? 'no such claim' : shownClaim(actual),
  };
}

/** Numbers and booleans compare by their JSON text; of an array one element has to do. Objects and null never hold. */
function holds(condition: Condition, value: unknown): boolean {
  if (Array.isArray(value)) return value.some((one) => !Array.isArray(one) && holds(condition, one));
  const isPlain = typeof value === 'string' || typeof value === 'boolean' || Number.isSafeInteger(value);
  if (!isPlain) return false;
  const text = String(value);
  return 'equals' in condition ? text === condition.equals : matchesPattern(condition.matches, text);
}

function claimAt(claims: Claims, claim: string): unknown {
  let value: unknown = claims;
  for (const name of pathOf(claim)) {
    if (!isObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

function pathOf(claim: string): string[] {
  if (!claim.startsWith('/')) return [claim];
  const names = claim.slice(1).split('/');
  return names.map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function textOf(condition: Condition): string {
  return 'equals' in condition ? condition.equals : condition.matches;
}

/** A claim's value for people, as JSON. */
function shownClaim(value: unknown): string {
  return shownText(JSON.stringify(value) ?? 'nothing');
}

/** Text of a token for people and for the audit: cut, without characters that forge lines or that no database takes. */
export function shownText(text: string): string {
  const plain = text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
  return plain.length > maximumShown ? `${plain.slice(0, maximumShown).toWellFormed()}...` : plain;
}

/** What a rule is held against beside itself. */
export interface TrustSurroundings {
  /** Issuers of this installation. */
  own: readonly string[];
  /** The issuers that the organisation allows; null: any. */
  allowed: readonly string[] | null;
  allowLoopback: boolean;
}

/** Audiences that others take for their own: a token with one was made for them, and may have been through their hands. */
const foreignAudiences = [
  /(?:^|\.)amazonaws\.(?:com|com\.cn|eu)(?:$|[:/])/i,
  /^api:\/\/AzureADTokenExchange/i,
  /^(?:https?:)?\/\/iam\.googleapis\.com(?:$|\/)/i,
  /^(?:https:\/\/)?kubernetes\.default(?:\.svc|$)/i,
  /^(?:aws|gcp|azure|vault|terraform)\.workload\.identity$/i,
];

/** Everything that is wrong with a rule beyond the shape of its members. Pointers are into the rule (RFC 6901). */
export function trustFaults(terms: TrustTerms, surroundings: TrustSurroundings): FieldFault[] {
  const faults: FieldFault[] = [];
  const issuer = issuerFaultOf(terms.issuer, surroundings);
  if (issuer !== undefined) faults.push({ pointer: '/issuer', detail: issuer });
  if (foreignAudiences.some((pattern) => pattern.test(terms.audience)))
    faults.push({
      pointer: '/audience',
      detail: `is the audience of another service: choose one of your own, such as ${surroundings.own[0]}`,
    });
  for (const [index, condition] of terms.conditions.entries())
    for (const fault of conditionFaults(condition))
      faults.push({ ...fault, pointer: `/conditions/${index}${fault.pointer}` });
  if (faults.length === 0 && !namesOwner(terms))
    faults.push({ pointer: '/conditions', detail: ownerRule(terms.issuer) });
  return faults;
}

function issuerFaultOf(issuer: string, { own, allowed, allowLoopback }: TrustSurroundings): string | undefined {
  if (!isOutsideIssuer(issuer, allowLoopback)) return issuerRule;
  if (own.includes(issuer)) return 'is this Arsia itself: its tokens are for others';
  if (allowed !== null && !allowed.includes(issuer)) return 'is not among the issuers that the organisation allows';
  return undefined;
}

function conditionFaults(condition: Condition): FieldFault[] {
  const { claim } = condition;
  const faults: FieldFault[] = [];
  if (claim === 'iss' || claim === 'aud')
    faults.push({ pointer: '/claim', detail: `is what the member ${claim === 'iss' ? 'issuer' : 'audience'} is for` });
  if (claim.startsWith('/') && !/^(?:\/(?:[^~/]|~[01])+){1,8}$/.test(claim))
    faults.push({
      pointer: '/claim',
      detail: 'must be a JSON pointer of up to 8 names, such as /kubernetes.io/namespace',
    });
  if (claim.startsWith('kubernetes.io.'))
    faults.push({
      pointer: '/claim',
      detail: `is nested: write it as a JSON pointer, such as /kubernetes.io/namespace`,
    });
  if ('matches' in condition && !/[^*]/.test(condition.matches))
    faults.push({ pointer: '/matches', detail: 'takes any value: leave the condition out' });
  return faults;
}

function namesOwner({ issuer, conditions }: TrustTerms): boolean {
  const shared = Object.hasOwn(sharedIssuers, issuer) ? sharedIssuers[issuer]! : undefined;
  if (shared === undefined) return true;
  const patterns = new Map(Object.entries(shared.owner));
  return conditions.some((condition) => patterns.get(condition.claim)?.test(textOf(condition)));
}

function ownerRule(issuer: string): string {
  const { title, owner } = sharedIssuers[issuer]!;
  return `would let everybody in who uses ${title}: one must say whose the token is, by ${Object.keys(owner).join(', ')}`;
}
