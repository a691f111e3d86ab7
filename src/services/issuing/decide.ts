import { ArsiaError } from '../../core/errors.ts';
import type { LoggedFacts } from '../../core/loggedfacts.ts';
import { refuseIdentity, refuseJob } from '../../core/mint.ts';
import type { Delivery, IdentityFacts, MintFacts } from '../../core/mintfacts.ts';
import { isReference } from '../../core/names.ts';
import type { Origin } from '../../core/origin.ts';
import { refuseNaming } from '../../core/subjectgrants.ts';
import type { Provider, ReadSettings } from '../../providers/provider.ts';
import { readStoredSettings } from '../identities/storedsettings.ts';

/** The request of a job for a managed identity, for any kind of delivery. */
export interface IdentityRequest {
  /** The job token of the request; no other token is accepted. */
  token: string | undefined;
  /** The id, the path or the type of a managed identity. */
  managed_identity: string;
  profile?: string | undefined;
  origin: Origin;
  /** Receives the caller. */
  logged?: LoggedFacts | undefined;
}

/** The kind of answer: the token itself, or credentials. */
export type Outlet = Exclude<Delivery, 'both'>;

/** The facts by which the job may have the identity. */
export interface Decision {
  facts: MintFacts & { identity: IdentityFacts };
  provider: Provider;
  settings: ReadSettings;
}

/**
 * Decides whether the job may have the identity, by the state of job, user, launcher and identity, the profile, the
 * access rules, the users that a token may name, and the delivery of the identity. Throws ArsiaError for each refusal.
 * `now` in milliseconds.
 */
export function decide(facts: MintFacts, request: IdentityRequest, outlet: Outlet, now: number): Decision {
  const refusal = refuseJob(facts, now);
  if (refusal !== undefined) throw new ArsiaError(refusal.code, refusal.detail);
  const { managed_identity, profile } = request;
  if (!isReference(managed_identity))
    throw new ArsiaError('not_found', 'There is no such managed identity: name it by its id or path.');
  const foreign =
    refuseIdentity(facts, managed_identity, profile) ?? refuseNaming(facts, isUserAsserted(facts.identity!));
  if (foreign !== undefined) {
    const { code, detail, ...condition } = foreign;
    throw new ArsiaError(code, detail, condition);
  }
  const identity = facts.identity!;
  if (identity.delivery !== 'both' && identity.delivery !== outlet)
    throw new ArsiaError('delivery_refused', `${identity.path} delivers ${identity.delivery} only.`, {
      advice:
        outlet === 'token'
          ? 'Ask for credentials (POST /api/v1/credentials), or let a deployer set `delivery` to `token` or `both`.'
          : 'Ask for the token (POST /api/v1/tokens), or let a deployer set `delivery` to `credentials` or `both`.',
    });
  return { facts: { ...facts, identity }, ...readStoredSettings(identity) };
}

/** Returns whether the claims by which the cloud decides name the user. */
function isUserAsserted(identity: IdentityFacts): boolean {
  const { provider, settings } = readStoredSettings(identity);
  return provider.federated?.namesUser?.(settings) ?? false;
}
