import { ArsiaError } from '../../core/errors.ts';
import { audienceTombstone } from '../../core/lifetimes.ts';
import type { Queries } from '../../database/connections.ts';
import type { Provider, ReadSettings } from '../../providers/provider.ts';
import {
  type AudienceClaim,
  claimAudience,
  countFreed,
  countUses,
  deleteClaim,
  findClaim,
  freeUnusedAudiences,
  reserveAudience,
  sweepAudiences,
} from '../../store/identities/audiences.ts';
import { findNamespace, type Namespace } from '../../store/namespaces/namespaces.ts';
import { resolveOrganization } from '../people/namedusers.ts';
import type { Action, Context, Place } from '../pipeline/action.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { systemCall } from '../pipeline/records.ts';
import { buildNotFoundError } from '../pipeline/rights.ts';

/** Audiences that an organisation may give up within the tombstone period. */
const maximumFreed = 1000;

/**
 * Claims the audience of an identity for its organisation and returns it. Returns null for a type of identity whose
 * audience the cloud prescribes. Throws `conflict` where the audience is Arsia's own, or where another organisation has
 * it or gave it up within the tombstone period (threats.md N74).
 */
export async function takeAudience(
  context: Context,
  provider: Provider,
  settings: ReadSettings,
  organization_id: string,
  issuer: string,
): Promise<string | null> {
  const audience = provider.federated?.freeAudience?.(settings);
  if (audience === undefined) return null;
  if (audience === issuer || audience.startsWith(`${issuer}/`))
    throw buildReservedAudienceError(audience, 'Set `audience` to the service that will validate the token.');
  const claim = await findClaim(context.db, audience);
  const isOwn = claim?.organization_id === organization_id;
  if (isOwn && claim.freed_at === null) return audience;
  const lapsed = computeTombstoneStart(context.now);
  if (!isOwn) await context.admit('audiences', organization_id);
  if (!isOwn && (await countFreed(context.db, organization_id, lapsed)) >= maximumFreed)
    throw new ArsiaError(
      'conflict',
      `The organisation has given up ${maximumFreed} audiences within 30 days, which is the limit.`,
      { advice: 'Use one of its audiences again, or ask an operator of this installation to free one.' },
    );
  if (await claimAudience(context.db, audience, organization_id, lapsed)) return audience;
  throw buildReservedAudienceError(
    audience,
    'Choose an audience that only you use, such as the URL of your own service. If this one is yours, ask an operator of this installation to free it.',
  );
}

/**
 * Frees those of the audiences that no identity uses any more. Call it with the audiences that identities have lost.
 */
export async function releaseAudiences(context: Context, audiences: readonly (string | null)[]): Promise<void> {
  const lost = audiences.filter((audience) => audience !== null);
  await freeUnusedAudiences(context.db, lost, new Date(context.now));
}

export interface Audiences {
  /** Ends the tombstone period of an audience, for all organisations or for one. For operators. */
  free(input: FreedAudience): Promise<void>;
}

export interface FreedAudience {
  audience: string;
  /** The only organisation that may claim it, for another tombstone period; undefined: any. */
  organization?: string | undefined;
}

export function createAudiences(pipeline: Pipeline): Audiences {
  return { free: (input) => pipeline.perform(freeAudience, systemCall, input) };
}

export function sweepFreedAudiences(db: Queries, now: number): Promise<void> {
  return sweepAudiences(db, computeTombstoneStart(now));
}

interface FoundClaim extends Place {
  claim: AudienceClaim;
  rightful: Namespace | undefined;
}

const freeAudience: Action<FreedAudience, FoundClaim, void> = {
  name: 'audience.free',
  needs: 'operator',
  changes: true,
  async find(context, { audience, organization }) {
    const claim = await findClaim(context.db, audience);
    if (claim === undefined) throw buildNotFoundError('claim on the audience', audience);
    const rightful = organization === undefined ? undefined : await resolveOrganization(context, organization);
    return { claim, rightful, organization_id: claim.organization_id, lineage: [] };
  },
  async run({ db, now }, { audience }, { claim, rightful }) {
    if (claim.freed_at === null) {
      const owner = await findNamespace(db, 'group', claim.organization_id);
      throw new ArsiaError(
        'conflict',
        `The audience ${JSON.stringify(audience)} is used by ${await countUses(db, audience)} managed identities of the organisation ${owner?.path}.`,
        { advice: 'First ask an owner of that organisation to delete them or to give them another audience.' },
      );
    }
    if (rightful === undefined) await deleteClaim(db, audience);
    else await reserveAudience(db, { audience, organization_id: rightful.id, freed_at: new Date(now) });
  },
  describe: ({ audience }, { rightful }) => ({
    detail: { audience, ...(rightful && { reserved_for: rightful.id }) },
  }),
};

function computeTombstoneStart(now: number): Date {
  return new Date(now - audienceTombstone * 1000);
}

/**
 * Builds the refusal of an audience. The text is the same for every cause: it must not tell which organisation has the
 * audience, or since when.
 */
function buildReservedAudienceError(audience: string, advice: string): ArsiaError {
  return new ArsiaError('conflict', `The audience ${JSON.stringify(audience)} is not yours to use.`, {
    advice,
    fields: [{ pointer: '/settings/audience', detail: 'is reserved' }],
  });
}
