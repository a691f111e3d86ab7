import type { Clock } from '../../core/clock.ts';
import { newId } from '../../core/clock.ts';
import { ArsiaError } from '../../core/errors.ts';
import type { Calls } from '../../providers/calls.ts';
import type { CloudCredentials, CloudEndpoints, CredentialsRequest, ReadSettings } from '../../providers/provider.ts';
import type { AuditStore } from '../../store/audit/events.ts';
import { eventOf } from '../pipeline/records.ts';
import type { Mint, MintedFor, MintRequest } from './mint.ts';

export type Credentials = CloudCredentials & { jti: string; audit_event_id: string };

export interface Exchange {
  /**
   * Mint, then trade the token at the cloud. Two records: the mint before the signature, the outcome before the answer.
   * If the second cannot be written the credentials are dropped and the answer is `unavailable`.
   */
  exchange(request: MintRequest, asked: CredentialsRequest): Promise<Credentials>;
}

export function createExchange(parts: {
  mint: Mint;
  audit: AuditStore;
  calls: Calls;
  endpoints: CloudEndpoints;
  clock: Clock;
}): Exchange {
  const { mint, audit, calls, endpoints, clock } = parts;

  async function trade(minted: MintedFor, asked: CredentialsRequest): Promise<CloudCredentials> {
    const { provider, settings, facts, claims } = minted;
    const { exchanging } = provider;
    // Kinds without an exchange of their own deliver the token itself as the credential.
    if (exchanging === undefined)
      return { type: provider.type, token: minted.token, expires_at: new Date(minted.expires_at * 1000).toISOString() };
    try {
      return await calls.run(
        { type: provider.type, endpoint: exchanging.endpointOf(settings, endpoints), tenant: facts.organization.id },
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
        checkAsked(provider, settings, asked, endpoints),
      );
      const { facts } = minted;
      const outcome = {
        ...eventOf(
          clock,
          {
            caller: {
              kind: 'job',
              id: facts.job.id,
              organization_id: facts.organization.id,
              workspace_id: facts.workspace.id,
              user_id: facts.job.user_id,
            },
            origin: request.origin,
          },
          'credentials.exchange',
          undefined,
          { outcome: 'success', user_id: facts.user?.id ?? null, identity_id: facts.identity.id },
        ),
        jti: minted.jti,
        parent_id: minted.audit_event_id,
      };
      let credentials: CloudCredentials;
      try {
        credentials = await trade(minted, asked);
      } catch (thrown) {
        const error = thrown as ArsiaError;
        await audit.record({
          ...outcome,
          id: newId(clock, 'event'),
          at: clock.now(),
          outcome: error.row.status === 403 ? 'refused' : 'failed',
          code: error.code,
          detail: { reason: error.message, ...(error.more.cloud && { cloud: error.more.cloud }) },
        });
        throw error;
      }
      const { event_id } = await audit.record({
        ...outcome,
        id: newId(clock, 'event'),
        at: clock.now(),
        detail: {
          type: credentials.type,
          expires_at: credentials.expires_at,
          ...minted.provider.exchanging?.describe(credentials),
        },
      });
      return { ...credentials, jti: minted.jti, audit_event_id: event_id };
    },
  };
}

/** Refuses what this kind would not take, before anything is minted: options of another cloud, a duration out of range. */
function checkAsked(
  provider: MintedFor['provider'],
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
    throw new ArsiaError('invalid_request', `Identities of type ${provider.type} take no duration.`, {
      fields: [{ pointer: '/duration', detail: 'leave it out: the life is that of the token' }],
    });
}
