import type { FieldFault } from './errors.ts';
import { normalizeIssuer } from './issuerurl.ts';
import { isObject } from './json.ts';
import { findSharedIssuer, isKnownIssuer } from './knownissuers.ts';
import { isOutsideIssuer, issuerRule, isUnfetchedIssuer, unfetchedIssuerRule } from './outsideissuers.ts';
import { matchesPattern } from './patterns.ts';

/**
 * A condition on one claim. `claim` is the name of a top-level claim, in which a dot is an ordinary character (`repository`).
 * A `claim` that begins with `/` is a JSON pointer (RFC 6901) into nested claims (`/kubernetes.io/namespace`). Dots do not
 * separate names, so that one claim cannot pass for another.
 */
export type Condition = { claim: string } & ({ equals: string } | { matches: string });

/** Trust in tokens of one outside issuer. All conditions must match. The rules of a service account are alternatives. */
export interface TrustTerms {
  issuer: string;
  audience: string;
  conditions: Condition[];
}

export interface TrustRule extends TrustTerms {
  id: string;
  /** True when each token (by `iss` and `jti`) can be exchanged once only. */
  single_use: boolean;
  /** Maximum time from `iat` to `exp`, in seconds. */
  maximum_lifetime: number;
}

/** The claim that failed, and the rule that it failed. */
export interface TrustDenial {
  rule_id: string;
  claim: string;
  expected: string;
  actual: string;
}

export const trustLimits = {
  conditions: 20,
  claim: 256,
  value: 512,
  audience: 256,
  /** Different uploaded keys of an issuer, in all rules of a service account: anybody can send a token that each is tried for. */
  uploadedKeys: 20,
} as const;

const maximumShown = 200;

type Claims = Readonly<Record<string, unknown>>;

/**
 * Returns the first rule that admits the claims, or the denial of the rule of which most conditions matched. `rules` holds at
 * least one rule, all of the token's issuer. The caller has verified the signature and the times of the token.
 */
export function decideTrust<Rule extends TrustRule>(
  rules: readonly Rule[],
  claims: Claims,
): { rule: Rule } | { denial: TrustDenial } {
  let nearest: { held: number; denial: TrustDenial } | undefined;
  for (const rule of rules) {
    const { held, failed } = evaluateRule(rule, claims);
    if (failed === undefined) return { rule };
    if (nearest === undefined || held > nearest.held) nearest = { held, denial: { rule_id: rule.id, ...failed } };
  }
  return { denial: nearest!.denial };
}

function evaluateRule(rule: TrustRule, claims: Claims): { held: number; failed?: Omit<TrustDenial, 'rule_id'> } {
  if (claims.iss !== rule.issuer) return { held: 0, failed: refusal('iss', rule.issuer, claims.iss) };
  // A token with a second audience could be replayed by that audience (threats.md N9).
  const { aud } = claims;
  const audience = Array.isArray(aud) && aud.length === 1 ? (aud[0] as unknown) : aud;
  if (audience !== rule.audience) return { held: 0, failed: refusal('aud', rule.audience, aud) };
  for (const [index, condition] of rule.conditions.entries()) {
    const value = readClaim(claims, condition.claim);
    if (!isMatch(condition, value))
      return {
        held: index + 1,
        failed: refusal(condition.claim, expectedText(condition), value, 'matches' in condition),
      };
  }
  const held = rule.conditions.length + 1;
  const failed = findLifetimeRefusal(rule, claims);
  return failed === undefined ? { held } : { held, failed };
}

function findLifetimeRefusal({ maximum_lifetime }: TrustRule, { exp, iat }: Claims) {
  const lifetime = Number(exp) - Number(iat);
  if (lifetime <= maximum_lifetime) return undefined;
  const expected = `at most ${maximum_lifetime} s after iat (\`maximum_lifetime\` of the rule)`;
  return { claim: 'exp', expected, actual: `${lifetime} s after iat` };
}

function refusal(claim: string, expected: string, actual: unknown, isPattern = false) {
  return {
    claim,
    expected: `${formatClaim(expected)}${isPattern ? ' (a pattern)' : ''}`,
    actual: actual === undefined ? 'no such claim' : formatClaim(actual),
  };
}

/**
 * Compares numbers and booleans by their JSON text. One matching element of an array is enough. Objects and null never match.
 */
function isMatch(condition: Condition, value: unknown): boolean {
  if (Array.isArray(value)) return value.some((one) => !Array.isArray(one) && isMatch(condition, one));
  const isPlain = typeof value === 'string' || typeof value === 'boolean' || Number.isSafeInteger(value);
  if (!isPlain) return false;
  const text = String(value);
  return 'equals' in condition ? text === condition.equals : matchesPattern(condition.matches, text);
}

function readClaim(claims: Claims, claim: string): unknown {
  let value: unknown = claims;
  for (const name of parseClaimPath(claim)) {
    // An array has the members 0, 1 and so on (RFC 6901 4), and no others such as 00, 1e0 or length.
    const hasMember = Array.isArray(value)
      ? /^(?:0|[1-9]\d*)$/.test(name) && Object.hasOwn(value, name)
      : isObject(value) && Object.hasOwn(value, name);
    if (!hasMember) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

function parseClaimPath(claim: string): string[] {
  if (!claim.startsWith('/')) return [claim];
  const names = claim.slice(1).split('/');
  return names.map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function expectedText(condition: Condition): string {
  return 'equals' in condition ? condition.equals : condition.matches;
}

/** Formats a claim value as JSON for people. */
function formatClaim(value: unknown): string {
  return sanitizeText(JSON.stringify(value) ?? 'nothing');
}

/**
 * Shortens text of a token for messages and the audit, and replaces characters that could forge log lines or that PostgreSQL
 * does not store.
 */
export function sanitizeText(text: string): string {
  const plain = text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
  return plain.length > maximumShown ? `${plain.slice(0, maximumShown).toWellFormed()}...` : plain;
}

/** Facts of the installation and the organisation that a rule is checked against. */
export interface TrustSurroundings {
  /** The issuers of this installation. */
  own: readonly string[];
  /** The issuers that the organisation allows; null for any. */
  allowed: readonly string[] | null;
  allowLoopback: boolean;
  /** False where the rule has the keys of the issuer. Default: true. */
  isFetched?: boolean;
}

/** Audiences of other services. A token with such an audience was issued for that service, which could replay it here. */
const foreignAudiences = [
  /(?:^|\.)amazonaws\.(?:com|com\.cn|eu)(?:$|[:/])/i,
  /^api:\/\/AzureADTokenExchange/i,
  /^(?:https?:)?\/\/iam\.googleapis\.com(?:$|\/)/i,
  /^(?:https:\/\/)?kubernetes\.default(?:\.svc|$)/i,
  /^(?:aws|gcp|azure|vault|terraform)\.workload\.identity$/i,
];

/** Returns the faults of a rule that its schema does not find. Pointers are into the rule (RFC 6901). */
export function findTrustFaults(terms: TrustTerms, surroundings: TrustSurroundings): FieldFault[] {
  const faults: FieldFault[] = [];
  const issuer = findTrustIssuerFault(terms.issuer, surroundings);
  if (issuer !== undefined) faults.push({ pointer: '/issuer', detail: issuer });
  if (foreignAudiences.some((pattern) => pattern.test(terms.audience)))
    faults.push({
      pointer: '/audience',
      detail: `is the audience of another service: choose one of your own, such as ${surroundings.own[0]}`,
    });
  for (const [index, condition] of terms.conditions.entries())
    for (const fault of findConditionFaults(condition))
      faults.push({ ...fault, pointer: `/conditions/${index}${fault.pointer}` });
  const owner = faults.length === 0 ? findOwnerFault(terms) : undefined;
  if (owner !== undefined) faults.push({ pointer: '/conditions', detail: owner });
  return faults;
}

function findTrustIssuerFault(issuer: string, { own, allowed, ...given }: TrustSurroundings): string | undefined {
  const { allowLoopback, isFetched = true } = given;
  if (isFetched && !isOutsideIssuer(issuer, allowLoopback)) return issuerRule;
  if (!isFetched && !isUnfetchedIssuer(issuer, allowLoopback)) return unfetchedIssuerRule;
  if (own.map(normalizeIssuer).includes(normalizeIssuer(issuer)))
    return 'is this installation of Arsia: name the issuer of another system';
  if (allowed !== null && !allowed.includes(issuer)) return 'is not among the issuers that the organisation allows';
  return undefined;
}

function findConditionFaults(condition: Condition): FieldFault[] {
  const { claim } = condition;
  const faults: FieldFault[] = [];
  if (claim === 'iss' || claim === 'aud')
    faults.push({
      pointer: '/claim',
      detail: `is set by the member ${claim === 'iss' ? 'issuer' : 'audience'} of the rule: remove the condition`,
    });
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
    faults.push({ pointer: '/matches', detail: 'matches any value: remove the condition' });
  return faults;
}

/** Returns the fault of a rule that would admit every customer of a shared issuer. */
function findOwnerFault({ issuer, audience, conditions }: TrustTerms): string | undefined {
  const shared = findSharedIssuer(issuer);
  if (shared === undefined || shared.audience?.test(audience)) return undefined;
  const patterns = new Map(Object.entries(shared.owner));
  if (conditions.some((condition) => patterns.get(condition.claim)?.test(expectedText(condition)))) return undefined;
  const claims = Object.keys(shared.owner).join(', ');
  return `would admit every customer of ${shared.title}: add a condition on one of ${claims} that names your own`;
}

/** Returns what an owner should check about the issuer of a rule. */
export function findTrustWarnings({ issuer, jwks }: Pick<TrustTerms, 'issuer'> & { jwks?: unknown }): string[] {
  const uploaded = jwks
    ? [
        'Arsia uses the uploaded keys as long as this rule exists. When the issuer changes its keys, or one is stolen, create another rule with the new keys and delete this one.',
      ]
    : [];
  if (isKnownIssuer(issuer)) return uploaded;
  return [
    ...uploaded,
    `Arsia does not know who gets tokens of ${issuer}. If it serves others than you, such as all customers of a service, a condition must say whose the token is.`,
  ];
}
