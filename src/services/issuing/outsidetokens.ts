import { canonicalJson } from '../../core/canonical.ts';
import type { Clock } from '../../core/clock.ts';
import { ArsiaError } from '../../core/errors.ts';
import { accessTokenLifetime, outsideTokens } from '../../core/lifetimes.ts';
import { isReference } from '../../core/names.ts';
import type { Origin } from '../../core/origin.ts';
import { decideTrust, sanitizeText, type TrustDenial } from '../../core/outsidetrust.ts';
import { accountCaller, anonymous } from '../../core/principals.ts';
import type { Database } from '../../database/connections.ts';
import { type OutsideClaims, type OutsideVerifier, readClaimedIssuer } from '../../signing/outside/verify.ts';
import type { ArtifactStore } from '../../store/issuing/artifacts.ts';
import type { ServiceAccount } from '../../store/machines/serviceaccounts.ts';
import { listTrustRules } from '../../store/machines/trustrules.ts';
import { readOrganizationSettings } from '../../store/namespaces/settings.ts';
import { findServiceAccountByRef } from '../machines/serviceaccounts.ts';
import { buildEvent, recordRefusal } from '../pipeline/records.ts';
import type { Audit } from '../pipeline/refusals.ts';

export interface OutsideRequest {
  /** A JWT of an outside issuer, unverified. */
  subject_token: string;
  /** The service account that trusts it, by id or path, unvalidated. */
  audience: string;
  client_id: string;
  origin: Origin;
}

/** The terms of the access token that may be issued. */
export interface OutsideAdmission {
  service_account_id: string;
  trust_rule_id: string;
  /** Seconds. */
  lifetime: number;
}

/**
 * Exchanges a token of an outside issuer for an access token of the service account that trusts it (RFC 8693). `issue`
 * creates the access token, after the decision and before the record. The token is returned only when the record is
 * committed. Throws ArsiaError for a refusal, with its record. `expires_in` in seconds.
 */
export type OutsideExchange = (
  request: OutsideRequest,
  issue: (admission: OutsideAdmission) => Promise<string>,
) => Promise<{ access_token: string; expires_in: number }>;

/**
 * The facts for the audit record, filled step by step. Of an unverified token only the issuer is recorded, and only one
 * that is trusted.
 */
interface ExchangeFacts {
  account?: ServiceAccount;
  iss?: string;
  claims?: OutsideClaims;
  trust_rule_id?: string;
  denial?: TrustDenial;
  /** The reason, which only the owners see. */
  reason?: string;
}

interface Parts {
  database: Database;
  audit: Audit;
  artifacts: ArtifactStore;
  verifier: OutsideVerifier;
  clock: Clock;
}

/**
 * Artifacts of this kind mark a token as used, by its `iss` and `jti`: the same token can be written in several ways
 * (M14).
 */
const usedTokens = 'OutsideToken';

export function createOutsideExchange(parts: Parts): OutsideExchange {
  return async (request, issue) => {
    const facts: ExchangeFacts = {};
    try {
      const admission = await admit(parts, request, facts);
      const access_token = await issue(admission);
      await parts.audit.record(buildExchangeEvent(parts.clock, request, facts, { expires_in: admission.lifetime }));
      return { access_token, expires_in: admission.lifetime };
    } catch (thrown) {
      throw await recordRefusal(parts.audit, thrown, ({ outcome, code }, { message }) => ({
        ...buildExchangeEvent(parts.clock, request, facts, { reason: facts.reason ?? message }),
        outcome,
        code,
      }));
    }
  };
}

async function admit(parts: Parts, request: OutsideRequest, facts: ExchangeFacts): Promise<OutsideAdmission> {
  const { verifier, clock } = parts;
  const issuer = readClaimedIssuer(request.subject_token);
  const asked = await findTrustingAccount(parts, request.audience, issuer, facts);
  facts.iss = issuer;
  const { claims, isVerified } = await verifyForRules(verifier, request.subject_token, issuer, asked);
  facts.claims = claims;
  // Read again: the issuer may have needed seconds to answer, and a change in that time counts.
  const { account, rules: present } = await findTrustingAccount(parts, request.audience, issuer, facts);
  const rules = present.filter(isVerified);
  if (rules.length === 0) throw buildUntrustedError();
  const decision = decideTrust(rules, claims);
  if ('denial' in decision) {
    facts.denial = decision.denial;
    throw buildDeniedError(decision.denial);
  }
  const { rule } = decision;
  facts.trust_rule_id = rule.id;
  if (rule.single_use) await markUsed(parts.artifacts, claims, rule);
  // The access token ends no later than the token itself would be accepted.
  const rest = claims.exp + outsideTokens.clockTolerance - Math.floor(clock.now() / 1000);
  const lifetime = Math.max(1, Math.min(accessTokenLifetime, rest));
  return { service_account_id: account.id, trust_rule_id: rule.id, lifetime };
}

/**
 * Returns the service account and its rules for this issuer. Throws the same refusal for every cause, so that an
 * outsider learns nothing about the accounts.
 */
async function findTrustingAccount({ database }: Parts, ref: string, issuer: string, facts: ExchangeFacts) {
  const db = database.query;
  const account = isReference(ref) ? await findServiceAccountByRef(db, ref) : undefined;
  if (account === undefined) throw buildUntrustedError();
  facts.account = account;
  const { allowed_issuers } = await readOrganizationSettings(db, account.organization_id);
  const rules = (await listTrustRules(db, account.id))
    .filter((rule) => rule.issuer === issuer)
    .map((rule) => ({ ...rule, conditions: rule.conditions.all }));
  facts.reason = [
    !account.is_active && 'The service account is deactivated.',
    rules.length === 0 && 'The service account has no trust rule for the issuer of the token.',
    allowed_issuers?.includes(issuer) === false && 'The organisation does not allow the issuer of the token.',
  ].find((one) => one !== false);
  if (facts.reason !== undefined) throw buildUntrustedError();
  return { account, rules };
}

type Rule = Awaited<ReturnType<typeof findTrustingAccount>>['rules'][number];

/**
 * Verifies a token for the rules of its issuer. A rule with uploaded keys counts only where these verify the token, and the
 * keys that the issuer publishes count only for rules without: an owner who uploads keys speaks for no other rule. A key that
 * several rules have is tried once. Throws where the token is valid for no rule.
 */
async function verifyForRules(
  verifier: OutsideVerifier,
  token: string,
  issuer: string,
  { account, rules }: { account: ServiceAccount; rules: readonly Rule[] },
): Promise<{ claims: OutsideClaims; isVerified: (rule: Rule) => boolean }> {
  const uploaded = new Map(rules.flatMap(({ jwks }) => jwks?.keys ?? []).map((key) => [canonicalJson(key), key]));
  const verified = new Set<string>();
  let isPublished = false;
  let claims: OutsideClaims | undefined;
  let fault: unknown;
  const attempt = async (verify: () => Promise<OutsideClaims>) => {
    try {
      claims = await verify();
    } catch (thrown) {
      fault = thrown;
    }
  };
  if (uploaded.size > 0)
    await attempt(async () => {
      const found = await verifier.verifyWith([...uploaded.values()], token, issuer);
      for (const key of found.keys) verified.add(canonicalJson(key));
      return found.claims;
    });
  if (rules.some(({ jwks }) => jwks === null))
    await attempt(async () => {
      const found = await verifier.verify(token, issuer, account.organization_id);
      isPublished = true;
      return found;
    });
  if (claims === undefined) throw fault;
  const isVerified = ({ jwks }: Rule) =>
    jwks === null ? isPublished : jwks.keys.some((key) => verified.has(canonicalJson(key)));
  return { claims, isVerified };
}

/** `organization_id` is of the rule. */
async function markUsed(
  artifacts: ArtifactStore,
  { iss, jti, exp }: OutsideClaims,
  { jwks, organization_id }: Pick<Rule, 'jwks' | 'organization_id'>,
): Promise<void> {
  if (jti === undefined)
    throw new ArsiaError('outside_token_refused', 'The trust rule accepts each token once, and this token has no jti.');
  const end = exp + outsideTokens.clockTolerance;
  // With uploaded keys an owner can sign any `jti`, and must not use up those of other organisations.
  const id = JSON.stringify(jwks === null ? [iss, jti] : [iss, jti, organization_id]);
  if (!(await artifacts.saveOnce({ model: usedTokens, id, payload: {}, expires_at: end * 1000 })))
    throw new ArsiaError(
      'outside_token_refused',
      'The subject token was used before, and the trust rule accepts it once.',
      {
        advice: 'Ask the issuer for a new token.',
      },
    );
}

function buildUntrustedError(): ArsiaError {
  return new ArsiaError('outside_token_untrusted', 'No service account of this name trusts the issuer of the token.');
}

function buildDeniedError({ rule_id, claim, expected, actual }: TrustDenial): ArsiaError {
  return new ArsiaError(
    'outside_token_refused',
    `The trust rule ${rule_id} requires the claim ${claim} to be ${expected}; the token has ${actual}.`,
    {
      advice: 'Run the workload where its token has this claim, or ask an owner to create another rule.',
      condition: claim,
      expected,
      actual,
    },
  );
}

function buildExchangeEvent(
  clock: Clock,
  request: OutsideRequest,
  facts: ExchangeFacts,
  detail: Record<string, unknown>,
) {
  const { account, claims, iss, denial, trust_rule_id } = facts;
  const isAdmitted = 'expires_in' in detail;
  const caller = isAdmitted && account !== undefined ? accountCaller(account) : anonymous;
  const rule = trust_rule_id ?? denial?.rule_id;
  return buildEvent(clock, { caller, origin: request.origin }, 'outside_token.exchange', undefined, {
    outcome: 'success',
    organization_id: account?.organization_id ?? null,
    target_id: account?.id ?? null,
    jti: claims?.jti !== undefined && /^[\w.-]{1,128}$/.test(claims.jti) ? claims.jti : null,
    detail: {
      client_id: request.client_id,
      ...(iss !== undefined && { iss }),
      ...(claims && {
        sub: sanitizeText(claims.sub),
        ...(claims.jti !== undefined && { jti: sanitizeText(claims.jti) }),
      }),
      ...(rule !== undefined && { trust_rule_id: rule }),
      ...(denial && { claim: denial.claim, expected: denial.expected, actual: denial.actual }),
      ...detail,
    },
  });
}
