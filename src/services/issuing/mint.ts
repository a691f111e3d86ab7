import type { Assertion, WorkloadClaims } from '../../core/claims.ts';
import type { Clock } from '../../core/clock.ts';
import { newId } from '../../core/clock.ts';
import { ArsiaError } from '../../core/errors.ts';
import type { Provider, ReadSettings, TrustFacts } from '../../providers/provider.ts';
import type { Permit, TokenSigner } from '../../signing/signers/permits.ts';
import type { Decision, IdentityRequest, Outlet } from './decide.ts';
import type { Deliver, DeliveryMethod, Preparation } from './deliver.ts';
import type { IssuerResolver } from './issuerresolver.ts';
import { buildTokenClaims, buildTrustFacts } from './tokenfacts.ts';

export interface Minted {
  token: string;
  subject: string;
  audience: string;
  jti: string;
  /** Seconds since 1970. */
  expires_at: number;
  audit_event_id: string;
}

/** A minted token with the facts that an exchange needs. */
export interface MintedFor extends Minted {
  claims: WorkloadClaims;
  decision: Decision;
  trust: TrustFacts;
}

export interface Mint {
  /** Delivers a workload token, to the job or to an exchange. `check` runs before the mint and throws its refusal. */
  mint(request: IdentityRequest, outlet: Outlet, check?: Check): Promise<MintedFor>;
}

type Check = ((provider: Provider, settings: ReadSettings) => void) | undefined;

/** A token that may be signed once its record is committed. */
interface PreparedToken extends Preparation {
  permit: Permit;
  signer: TokenSigner;
  claims: WorkloadClaims;
  decision: Decision;
  trust: TrustFacts;
}

export function createMint(parts: { deliver: Deliver; issuerResolver: IssuerResolver; clock: Clock }): Mint {
  const { deliver, issuerResolver, clock } = parts;

  const buildTokenMethod = (outlet: Outlet): DeliveryMethod<Check, PreparedToken, MintedFor> => ({
    action: 'token.mint',
    outlet,

    // A key that was revoked since this replica loaded its keys must sign nothing.
    refresh({ organization, identity }, key_set_version) {
      if (identity === null) return undefined;
      return issuerResolver.resolveIssuer(organization.id, identity.id).keyring.ensureVersion(key_set_version);
    },

    prepare(decision, check) {
      const { facts, provider, settings } = decision;
      const { identity, organization } = facts;
      check?.(provider, settings);
      const tokenIssuer = issuerResolver.resolveIssuer(organization.id, identity.id);
      const trust = buildTrustFacts(facts, tokenIssuer);
      const claims = buildTokenClaims(facts, trust, buildAssertion(provider, settings, trust), {
        jti: newId(clock, 'event'),
        now: clock.now() / 1000,
        lifetime: identity.token_lifetime,
      });
      const { signer } = tokenIssuer;
      const permit = signer.prepare(claims);
      const { jti } = claims;
      const { signing_input_sha256 } = permit;
      return {
        permit,
        signer,
        claims,
        decision,
        trust,
        record: { id: jti, jti, signing_input_sha256, detail: { claims } },
      };
    },

    async deliver({ permit, signer, claims, decision, trust }, receipt) {
      return {
        token: await signer.sign(permit, receipt),
        subject: claims.sub,
        audience: claims.aud,
        jti: claims.jti,
        expires_at: claims.exp,
        audit_event_id: receipt.event_id,
        claims,
        decision,
        trust,
      };
    },
  });

  const methods = { token: buildTokenMethod('token'), credentials: buildTokenMethod('credentials') };
  return { mint: (request, outlet, check) => deliver(methods[outlet], request, check) };
}

function buildAssertion(provider: Provider, settings: ReadSettings, trust: TrustFacts): Assertion {
  if (provider.federated === undefined)
    throw new ArsiaError('not_supported', `${provider.title} identities have no workload tokens.`);
  return provider.federated.assertion(settings, trust);
}
