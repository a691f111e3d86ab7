import type { AuditEvent, AuditReceipt } from '../../core/audit.ts';
import { buildClaims, type ClaimFacts, type WorkloadClaims } from '../../core/claims.ts';
import type { Clock } from '../../core/clock.ts';
import { newId } from '../../core/clock.ts';
import { ArsiaError, asArsiaError } from '../../core/errors.ts';
import { findUsability } from '../../core/inheritance.ts';
import { refuseIdentity, refuseJob } from '../../core/mint.ts';
import type { Delivery, IdentityFacts, MintFacts } from '../../core/mintfacts.ts';
import { isReference } from '../../core/names.ts';
import type { Origin } from '../../core/origin.ts';
import { anonymous } from '../../core/principals.ts';
import { formatSubject } from '../../core/subject.ts';
import { refuseNaming } from '../../core/subjectgrants.ts';
import type { Provider, ReadSettings, TrustFacts } from '../../providers/provider.ts';
import type { Keyring } from '../../signing/keysets/keyring.ts';
import type { Permit, TokenSigner } from '../../signing/signers/permits.ts';
import type { MintFactsReader } from '../../store/issuing/mintfacts.ts';
import type { MintFactsKey } from '../../store/issuing/mintstatement.ts';
import { settingsOf } from '../identities/storedsettings.ts';
import { hashJobToken } from '../jobs/jobs.ts';
import { readJobToken, unknownToken } from '../pipeline/callers.ts';
import { eventOf } from '../pipeline/records.ts';
import type { Audit } from '../pipeline/refusals.ts';
import type { Issuers } from './issuers.ts';

export interface MintRequest {
  /** The job token as presented: the mint takes no other. */
  token: string | undefined;
  /** A managed identity, by id or path. */
  managed_identity: string;
  profile?: string | undefined;
  origin: Origin;
}

export interface Minted {
  token: string;
  subject: string;
  audience: string;
  jti: string;
  /** Seconds since 1970. */
  expires_at: number;
  audit_event_id: string;
}

/** A mint with what an exchange needs of it. */
export interface MintedFor extends Minted {
  claims: WorkloadClaims;
  facts: MintFacts & { identity: IdentityFacts };
  trust: TrustFacts;
  provider: Provider;
  settings: ReadSettings;
}

export interface Mint {
  /**
   * Decide on what is committed after the call, lint, record, sign. `delivery` is what the identity must deliver; `check`
   * refuses before anything is recorded as minted.
   */
  mint(request: MintRequest, delivery: Exclude<Delivery, 'both'>, check?: Check): Promise<MintedFor>;
}

type Check = ((provider: Provider, settings: ReadSettings) => void) | undefined;

/** All that is decided, and not yet recorded. */
interface Proposal extends Pick<MintedFor, 'claims' | 'facts' | 'trust' | 'provider' | 'settings'> {
  permit: Permit;
  event: AuditEvent;
}

export function createMint(parts: {
  reader: MintFactsReader;
  audit: Audit;
  keyring: Keyring;
  signer: TokenSigner;
  issuers: Issuers;
  tenancy: 'single' | 'multi';
  clock: Clock;
}): Mint {
  const { reader, audit, keyring, signer, issuers, tenancy, clock } = parts;

  function propose(
    facts: MintFacts,
    request: MintRequest,
    delivery: Exclude<Delivery, 'both'>,
    check: Check,
  ): Proposal {
    const decided = decideMint(facts, request, delivery, clock.now());
    const { identity } = decided;
    const { provider, settings } = settingsOf(identity);
    check?.(provider, settings);
    const issuer = issuers.issuerOf({ id: identity.id, organization_id: decided.organization.id });
    const trust = trustFactsOf(decided, issuer, tenancy);
    const claims = buildClaims(claimFactsOf(decided, issuer, trust.subject), assert(provider, settings, trust), {
      jti: newId(clock, 'event'),
      now: clock.now() / 1000,
      lifetime: identity.token_lifetime,
    });
    const permit = signer.prepare(claims);
    const event = mintEvent(clock, request, decided, {
      id: claims.jti,
      outcome: 'success',
      jti: claims.jti,
      signing_input_sha256: permit.signing_input_sha256,
      detail: { claims },
    });
    return { claims, facts: decided, trust, provider, settings, permit, event };
  }

  async function conclude({ permit, event, ...decided }: Proposal, receipt: AuditReceipt): Promise<MintedFor> {
    const { claims } = decided;
    return {
      token: await signer.sign(permit, receipt),
      subject: claims.sub,
      audience: claims.aud,
      jti: claims.jti,
      expires_at: claims.exp,
      audit_event_id: event.id,
      ...decided,
    };
  }

  /** Decided on what an earlier request read, and recorded only where it still holds; undefined where fresh facts are needed. */
  async function mintOnKept(key: MintFactsKey, proposeOn: (facts: MintFacts) => Proposal) {
    const kept = reader.kept(key);
    if (kept === undefined) return undefined;
    // Moved since this replica loaded its keys: reload before signing, so that a revoked key signs nothing more.
    await keyring.ensureVersion(kept.premise.key_set_version);
    let proposal: Proposal;
    try {
      proposal = proposeOn(kept.facts);
    } catch {
      // A refusal is made on fresh facts, or not at all.
      return undefined;
    }
    const receipt = await audit.recordIf(proposal.event, kept.premise);
    return receipt && (await conclude(proposal, receipt));
  }

  return {
    async mint(request, delivery, check) {
      let facts: MintFacts | undefined;
      try {
        const key = keyOf(request);
        const proposeOn = (known: MintFacts) => propose(known, request, delivery, check);
        const minted = await mintOnKept(key, proposeOn);
        if (minted !== undefined) return minted;
        const read = await reader.read(key);
        if (read === null) throw unknownToken();
        facts = read.facts;
        await keyring.ensureVersion(read.keySetVersion);
        const proposal = proposeOn(facts);
        read.keep();
        return await conclude(proposal, await audit.record(proposal.event));
      } catch (thrown) {
        throw await recordRefusal(parts, request, facts, thrown);
      }
    },
  };
}

function keyOf({ token, managed_identity, profile }: MintRequest): MintFactsKey {
  // What cannot name anything never reaches the read, which requests share: a NUL in it would refuse them all.
  const identity = isReference(managed_identity) ? managed_identity : null;
  return { token_hash: hashJobToken(readJobToken(token)), identity, profile };
}

/** The whole decision: job, identity, delivery, profile. */
function decideMint(
  facts: MintFacts,
  request: MintRequest,
  delivery: Exclude<Delivery, 'both'>,
  now: number,
): MintFacts & { identity: IdentityFacts } {
  const refusal = refuseJob(facts, now);
  if (refusal !== undefined) throw new ArsiaError(refusal.code, refusal.detail);
  if (!isReference(request.managed_identity))
    throw new ArsiaError('not_found', 'There is no such managed identity: name it by its id or path.');
  const foreign =
    refuseIdentity(facts, request.managed_identity, request.profile) ??
    refuseNaming(facts, isUserAsserted(facts.identity!));
  if (foreign !== undefined) {
    const { code, detail, ...condition } = foreign;
    throw new ArsiaError(code, detail, condition);
  }
  const identity = facts.identity!;
  if (identity.delivery !== 'both' && identity.delivery !== delivery)
    throw new ArsiaError('delivery_refused', `${identity.path} delivers ${identity.delivery} only.`, {
      advice:
        delivery === 'token'
          ? 'Ask for credentials (POST /api/v1/credentials), or let a deployer set `delivery` to `token` or `both`.'
          : 'Ask for the token (POST /api/v1/tokens), or let a deployer set `delivery` to `credentials` or `both`.',
    });
  return { ...facts, identity };
}

/** Returns whether the provider's own claims, by which clouds decide, name the user. */
function isUserAsserted(identity: IdentityFacts): boolean {
  const { provider, settings } = settingsOf(identity);
  return provider.federated?.namesUser?.(settings) ?? false;
}

function assert(provider: Provider, settings: ReadSettings, trust: TrustFacts) {
  if (provider.federated === undefined)
    throw new ArsiaError('not_supported', `${provider.title} identities have no workload tokens.`);
  return provider.federated.assertion(settings, trust);
}

function trustFactsOf(
  facts: MintFacts & { identity: IdentityFacts },
  issuer: string,
  tenancy: 'single' | 'multi',
): TrustFacts {
  const { identity, workspace, user } = facts;
  return {
    issuer,
    tenancy,
    organization_id: facts.organization.id,
    organization: facts.organization.name,
    group: facts.group.path,
    stage: facts.job.stage,
    identity_id: identity.id,
    identity: identity.path,
    delivery: identity.delivery,
    subject_scope: identity.subject_scope,
    subject: formatSubject(identity.subject_scope, {
      identity_id: identity.id,
      workspace_id: workspace.id,
      user_id: user?.id,
    }),
    is_subject_pattern: false,
    user: user === null ? undefined : { id: user.id, login: user.login },
    workspace: { id: workspace.id, path: workspace.path },
  };
}

function claimFactsOf(facts: MintFacts & { identity: IdentityFacts }, issuer: string, subject: string): ClaimFacts {
  const { identity, workspace, group, organization, user, job, launcher } = facts;
  return {
    issuer,
    subject,
    identity: { id: identity.id, path: identity.path },
    workspace: { id: workspace.id, path: workspace.path },
    group,
    organization,
    user: user === null ? undefined : { id: user.id, login: user.login },
    job: { id: job.id, stage: job.stage },
    launcher: launcher === null ? undefined : { id: launcher.id, name: launcher.name },
  };
}

/** The event of a mint, as far as the facts are known, with what `more` says. */
function mintEvent(
  clock: Clock,
  request: MintRequest,
  facts: MintFacts | undefined,
  more: Partial<AuditEvent> & Pick<AuditEvent, 'outcome'>,
): AuditEvent {
  const caller =
    facts === undefined
      ? anonymous
      : {
          kind: 'job' as const,
          id: facts.job.id,
          organization_id: facts.organization.id,
          workspace_id: facts.workspace.id,
          user_id: facts.job.user_id,
        };
  return eventOf(clock, { caller, origin: request.origin }, 'token.mint', undefined, {
    user_id: facts?.user?.id ?? null,
    // An identity that the workspace may not see is named as asked, not by the id of somebody else's.
    identity_id:
      facts?.identity && findUsability(facts.identity.reach, facts.workspace.lineage) !== 'out_of_reach'
        ? facts.identity.id
        : null,
    ...more,
  });
}

/** One record for a refusal or a failure; where even that cannot be written, the answer is that. */
async function recordRefusal(
  parts: { audit: Audit; clock: Clock },
  request: MintRequest,
  facts: MintFacts | undefined,
  thrown: unknown,
): Promise<ArsiaError> {
  const error = asArsiaError(thrown);
  if (error.code === 'unavailable') return error;
  await parts.audit.refuse(
    mintEvent(parts.clock, request, facts, {
      outcome: error.row.status >= 500 ? 'failed' : 'refused',
      code: error.code,
      detail: {
        ...(isReference(request.managed_identity) && { managed_identity: request.managed_identity.slice(0, 256) }),
        reason: error.message,
      },
    }),
  );
  return error;
}
