import type { AuditEvent } from '../../core/audit.ts';
import type { Clock } from '../../core/clock.ts';
import { ArsiaError } from '../../core/errors.ts';
import { jobCaller } from '../../core/principals.ts';
import type { Calls } from '../../providers/calls.ts';
import type {
  CloudCredentials,
  CloudEndpoints,
  CredentialsRequest,
  Provider,
  ReadSettings,
} from '../../providers/provider.ts';
import { buildEvent, type RefusalFacts, recordRefusal } from '../pipeline/records.ts';
import type { Audit } from '../pipeline/refusals.ts';
import type { IdentityRequest } from './decide.ts';
import type { Mint, MintedFor } from './mint.ts';

export type Credentials = CloudCredentials & { jti: string; audit_event_id: string };

export interface Exchange {
  /**
   * Mints a token and exchanges it at the cloud. Leaves two records: of the mint before the signature, of the outcome
   * before the answer. Throws `unavailable`, and drops the credentials, if the second cannot be written.
   */
  exchange(request: IdentityRequest, asked: CredentialsRequest): Promise<Credentials>;
}

export function createExchange(parts: {
  mint: Mint;
  audit: Audit;
  calls: Calls;
  endpoints: CloudEndpoints;
  clock: Clock;
}): Exchange {
  const { mint, audit, calls, endpoints, clock } = parts;

  async function trade(minted: MintedFor, asked: CredentialsRequest): Promise<CloudCredentials> {
    const { claims, decision } = minted;
    const { facts, provider, settings } = decision;
    const { exchanging } = provider;
    const { type } = provider;
    // Types without an exchange deliver the token itself as the credential.
    if (exchanging === undefined)
      return { type, token: minted.token, expires_at: new Date(minted.expires_at * 1000).toISOString() };
    try {
      return await calls.run(
        { type, endpoint: exchanging.chooseEndpoint(settings, endpoints), tenant: facts.organization.id },
        (thrown) => exchanging.isTransient(thrown),
        (signal) =>
          exchanging.exchange(minted.token, settings, {
            claims,
            request: asked,
            endpoints,
            user: facts.user ?? undefined,
            launcher: facts.launcher ?? undefined,
            signal,
          }),
      );
    } catch (thrown) {
      throw thrown instanceof ArsiaError ? thrown : exchanging.explain(thrown, minted.trust, settings);
    }
  }

  return {
    async exchange(request, asked) {
      const minted = await mint.mint(request, 'credentials', (provider, settings) =>
        checkRequest(provider, settings, asked, endpoints),
      );
      const { facts } = minted.decision;
      const event = (more: Pick<AuditEvent, 'outcome' | 'detail'> & Partial<AuditEvent>) =>
        buildEvent(clock, { caller: jobCaller(facts), origin: request.origin }, 'credentials.exchange', undefined, {
          user_id: facts.user?.id ?? null,
          identity_id: facts.identity.id,
          jti: minted.jti,
          parent_id: minted.audit_event_id,
          ...more,
        });
      let credentials: CloudCredentials;
      try {
        credentials = await trade(minted, asked);
      } catch (thrown) {
        const eventFor = (refusal: RefusalFacts, { more }: ArsiaError) =>
          event({ ...refusal, detail: { ...refusal.detail, ...(more.cloud && { cloud: more.cloud }) } });
        throw await recordRefusal(audit, thrown, eventFor, { hasBegun: true });
      }
      const { type, expires_at } = credentials;
      const described = minted.decision.provider.exchanging?.describe(credentials);
      const { event_id } = await audit.record(
        event({ outcome: 'success', detail: { type, expires_at, ...described } }),
      );
      return { ...credentials, jti: minted.jti, audit_event_id: event_id };
    },
  };
}

/**
 * Throws `invalid_request`, before anything is minted, for options of another cloud and for a duration out of range.
 */
function checkRequest(
  provider: Provider,
  settings: ReadSettings,
  asked: CredentialsRequest,
  endpoints: CloudEndpoints,
): void {
  const { duration: _, ...options } = asked;
  const foreign = Object.keys(options).filter((kind) => options[kind] !== undefined && kind !== provider.type);
  if (foreign.length > 0)
    throw new ArsiaError('invalid_request', `The identity is of type ${provider.type}.`, {
      fields: foreign.map((kind) => ({ pointer: `/${kind}`, detail: `is for identities of type ${kind}` })),
    });
  if (provider.exchanging !== undefined) provider.exchanging.check(settings, asked, endpoints);
  else if (asked.duration !== undefined)
    throw new ArsiaError('invalid_request', `Identities of type ${provider.type} accept no duration.`, {
      fields: [{ pointer: '/duration', detail: 'must be left out: the credentials live as long as the token' }],
    });
}
