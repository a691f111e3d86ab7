import type { Clock } from '../../core/clock.ts';
import { ArsiaError } from '../../core/errors.ts';
import { isId } from '../../core/ids.ts';
import { accessTokenLifetime, outsideTokens } from '../../core/lifetimes.ts';
import { isReference } from '../../core/names.ts';
import { leafName, parentPath } from '../../core/namespace.ts';
import type { Origin } from '../../core/origin.ts';
import { decideTrust, sanitizeText, type TrustDenial } from '../../core/outsidetrust.ts';
import { accountCaller, anonymous } from '../../core/principals.ts';
import type { Database } from '../../database/connections.ts';
import { type OutsideClaims, type OutsideVerifier, readClaimedIssuer } from '../../signing/outside/verify.ts';
import type { ArtifactStore } from '../../store/issuing/artifacts.ts';
import {
  findServiceAccount,
  findServiceAccountByName,
  type ServiceAccount,
} from '../../store/machines/serviceaccounts.ts';
import { listTrustRules } from '../../store/machines/trustrules.ts';
import { readOrganizationSettings } from '../../store/namespaces/settings.ts';
import { eventOf, recordRefusal } from '../pipeline/records.ts';
import type { Audit } from '../pipeline/refusals.ts';

export interface OutsideRequest {
  /** A JWT of an outside issuer, as it was sent: any text. */
  subject_token: string;
  /** The service account that trusts it, by id or path, as it was sent. */
  audience: string;
  client_id: string;
  origin: Origin;
}

/** What an access token may be given out for. */
export interface Admission {
  service_account_id: string;
  trust_rule_id: string;
  /** Seconds. */
  lifetime: number;
}

/**
 * A token of an outside issuer for an access token of the service account that trusts it (RFC 8693). `issue` makes the
 * access token, after the decision and before the record; nothing is told before the record stands. Throws ArsiaError for
 * what it refuses, and has recorded it by then. `expires_in` in seconds.
 */
export type OutsideExchange = (
  request: OutsideRequest,
  issue: (admission: Admission) => Promise<string>,
) => Promise<{ access_token: string; expires_in: number }>;

/** What the record tells, filled on the way: nothing of a token before it is verified, but for an issuer that is trusted. */
interface Told {
  account?: ServiceAccount;
  iss?: string;
  claims?: OutsideClaims;
  trust_rule_id?: string;
  denial?: TrustDenial;
  /** Why, for the owners alone. */
  reason?: string;
}

interface Parts {
  database: Database;
  audit: Audit;
  artifacts: ArtifactStore;
  verifier: OutsideVerifier;
  clock: Clock;
}

/** Artifacts of this kind mark a token as used, by its `iss` and `jti`: its text has more than one spelling (M14). */
const usedTokens = 'OutsideToken';

export function createOutsideExchange(parts: Parts): OutsideExchange {
  return async (request, issue) => {
    const told: Told = {};
    try {
      const admission = await admit(parts, request, told);
      const access_token = await issue(admission);
      await parts.audit.record(eventOfExchange(parts.clock, request, told, { expires_in: admission.lifetime }));
      return { access_token, expires_in: admission.lifetime };
    } catch (thrown) {
      throw await recordRefusal(parts.audit, thrown, ({ outcome, code }, { message }) => ({
        ...eventOfExchange(parts.clock, request, told, { reason: told.reason ?? message }),
        outcome,
        code,
      }));
    }
  };
}

async function admit(parts: Parts, request: OutsideRequest, told: Told): Promise<Admission> {
  const { verifier, clock } = parts;
  const issuer = readClaimedIssuer(request.subject_token);
  const asked = await trusting(parts, request.audience, issuer, told);
  told.iss = issuer;
  const claims = await verifier.verify(request.subject_token, issuer, asked.account.organization_id);
  told.claims = claims;
  // Read again: the issuer may have taken seconds to answer, and a change in that time counts.
  const { account, rules } = await trusting(parts, request.audience, issuer, told);
  const decision = decideTrust(rules, claims);
  if ('denial' in decision) {
    told.denial = decision.denial;
    throw denied(decision.denial);
  }
  const { rule } = decision;
  told.trust_rule_id = rule.id;
  if (rule.single_use) await use(parts.artifacts, claims);
  // No longer than the token itself would be taken here.
  const rest = claims.exp + outsideTokens.clockTolerance - Math.floor(clock.now() / 1000);
  const lifetime = Math.max(1, Math.min(accessTokenLifetime, rest));
  return { service_account_id: account.id, trust_rule_id: rule.id, lifetime };
}

/** The service account and its rules for this issuer. One refusal for all that is missing, so that strangers learn nothing. */
async function trusting({ database }: Parts, ref: string, issuer: string, told: Told) {
  const db = database.query;
  const account = await find();
  if (account === undefined) throw untrusted();
  told.account = account;
  const { allowed_issuers } = await readOrganizationSettings(db, account.organization_id);
  const rules = (await listTrustRules(db, account.id))
    .filter((rule) => rule.issuer === issuer)
    .map((rule) => ({ ...rule, conditions: rule.conditions.all }));
  told.reason = [
    !account.is_active && 'The service account is deactivated.',
    rules.length === 0 && 'The service account has no trust rule for the issuer of the token.',
    allowed_issuers?.includes(issuer) === false && 'The organisation does not allow the issuer of the token.',
  ].find((one) => one !== false);
  if (told.reason !== undefined) throw untrusted();
  return { account, rules };

  async function find(): Promise<ServiceAccount | undefined> {
    if (!isReference(ref)) return undefined;
    if (isId('service_account', ref)) return await findServiceAccount(db, ref);
    return await findServiceAccountByName(db, parentPath(ref) ?? '', leafName(ref));
  }
}

async function use(artifacts: ArtifactStore, { iss, jti, exp }: OutsideClaims): Promise<void> {
  if (jti === undefined)
    throw new ArsiaError('outside_token_refused', 'The trust rule takes each token once, and this one has no jti.');
  const end = exp + outsideTokens.clockTolerance;
  const id = JSON.stringify([iss, jti]);
  if (!(await artifacts.saveOnce({ model: usedTokens, id, payload: {}, expires_at: end * 1000 })))
    throw new ArsiaError(
      'outside_token_refused',
      'The subject token was used before, and the trust rule takes it once.',
      {
        advice: 'Ask the issuer for a new token.',
      },
    );
}

function untrusted(): ArsiaError {
  return new ArsiaError('outside_token_untrusted', 'No service account of this name trusts the issuer of the token.');
}

function denied({ rule_id, claim, expected, actual }: TrustDenial): ArsiaError {
  return new ArsiaError(
    'outside_token_refused',
    `The trust rule ${rule_id} wants the claim ${claim} to be ${expected}; the token has ${actual}.`,
    {
      advice: 'Run the workload where its token has this claim, or have an owner make another rule.',
      condition: claim,
      expected,
      actual,
    },
  );
}

function eventOfExchange(clock: Clock, request: OutsideRequest, told: Told, detail: Record<string, unknown>) {
  const { account, claims, iss, denial, trust_rule_id } = told;
  const isAdmitted = 'expires_in' in detail;
  const caller = isAdmitted && account !== undefined ? accountCaller(account) : anonymous;
  const rule = trust_rule_id ?? denial?.rule_id;
  return eventOf(clock, { caller, origin: request.origin }, 'outside_token.exchange', undefined, {
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
