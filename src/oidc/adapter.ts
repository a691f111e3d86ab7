import { type Adapter, type AdapterFactory, type AdapterPayload, errors } from 'oidc-provider';
import type { Clock } from '../core/clock.ts';
import type { Artifact, ArtifactKey, ArtifactStore } from '../store/issuing/artifacts.ts';
import type { ArtifactAdapter } from './artifactadapter.ts';
import type { ClientLookup } from './clients.ts';
import { trustRuleClaim } from './names.ts';
import { endGrant } from './signin/sessions.ts';

interface AdapterParts {
  artifacts: ArtifactStore;
  lookupClient: ClientLookup;
  clock: Clock;
}

/** oidc-provider's storage. An arrow function: a constructable one would be taken for a class. */
export function createAdapters(parts: AdapterParts): AdapterFactory {
  return (model) => (model === 'Client' ? clientAdapter(parts.lookupClient) : artifactAdapter(model, parts));
}

/**
 * oidc-provider finds and then saves, or finds and then consumes: between the two, twenty requests at once all pass
 * (threats.md M1, M2). Single use is therefore decided here, by the one statement that writes, and a loser gets the error
 * that oidc-provider itself would have answered (M3).
 */
function artifactAdapter(model: string, { artifacts, clock }: AdapterParts): ArtifactAdapter {
  const isSingleUse = model === 'ReplayDetection';

  async function find(by: ArtifactKey): Promise<AdapterPayload | undefined> {
    const found = await artifacts.find(model, by, clock.now() - graceOf(model, by));
    if (found === undefined) return undefined;
    if (found.consumed_at === null) return found.payload;
    return { ...found.payload, consumed: Math.floor(found.consumed_at / 1000) };
  }

  /** Used twice, one after the other or at once: somebody else has it, so that nothing given for it may live on. */
  async function refuseReuse(id: string): Promise<never> {
    const used = ending.has(model) ? await artifacts.find(model, { id }, clock.now()) : undefined;
    const grant = used?.payload.grantId;
    if (typeof grant === 'string') await endGrant(artifacts, grant);
    throw new errors.InvalidGrant(`${model} was used before or has expired`);
  }

  const artifactOf = (id: string, payload: AdapterPayload, expiresIn: number | undefined): Artifact => ({
    model,
    id,
    payload: { ...payload },
    grant_id: payload.grantId,
    uid: payload.uid,
    user_code: payload.userCode,
    principal_id: principalOf(model, payload),
    trust_rule_id: trustRuleOf(payload),
    expires_at: expiryOf(payload, expiresIn, clock.now()),
  });

  return {
    replace: (id, payload, expiresIn, former) => artifacts.replace(artifactOf(id, payload, expiresIn), former),
    async upsert(id, payload, expiresIn) {
      const artifact = artifactOf(id, payload, expiresIn);
      if (!isSingleUse) await artifacts.save(artifact);
      else if (!(await artifacts.saveOnce(artifact)))
        throw new errors.InvalidClientAuth('client assertion tokens must only be used once');
    },
    // The insert alone decides about a used assertion: asking first would cost a query and decide nothing.
    find: async (id) => (isSingleUse ? undefined : find({ id })),
    findByUid: (uid) => find({ uid }),
    findByUserCode: (userCode) => find({ user_code: userCode }),
    async consume(id) {
      if (!(await artifacts.consume(model, id, clock.now()))) await refuseReuse(id);
    },
    destroy: (id) => artifacts.destroy(model, id),
    revokeByGrantId: (grantId) => artifacts.revokeGrant(grantId),
  };
}

/** Clients are service accounts: made, changed and removed through the API, only read here. */
function clientAdapter(lookupClient: ClientLookup): Adapter {
  const readOnly = async () => {
    throw new Error('clients are service accounts, and oidc-provider only reads them');
  };
  return {
    find: async (id) => await lookupClient(id),
    upsert: readOnly,
    findByUserCode: readOnly,
    findByUid: readOnly,
    consume: readOnly,
    destroy: readOnly,
    revokeByGrantId: readOnly,
  };
}

/** RFC 6749 4.1.2, RFC 9700 4.14.2. A device may well ask twice at once. */
const ending: ReadonlySet<string> = new Set(['AuthorizationCode', 'RefreshToken']);

/** Milliseconds. A device that comes too late is to hear that its code has expired, not that it never was. */
function graceOf(model: string, by: ArtifactKey): number {
  return model === 'DeviceCode' && 'id' in by ? 5 * 60 * 1000 : 0;
}

function principalOf(model: string, payload: AdapterPayload): string | undefined {
  if (model === 'ClientCredentials') return payload.clientId;
  // A finished sign-in becomes a session when the browser goes on, so it counts for its user and ends with their sessions.
  return model === 'Interaction' ? payload.result?.login?.accountId : payload.accountId;
}

/** Of an access token that was given for a token of an outside issuer. */
function trustRuleOf({ extra }: AdapterPayload): string | undefined {
  const rule: unknown = extra?.[trustRuleClaim];
  return typeof rule === 'string' ? rule : undefined;
}

/** The payload's own expiry where it has one, so that our column and introspection agree to the second. */
function expiryOf(payload: AdapterPayload, expiresIn: number | undefined, now: number): number | null {
  if (payload.exp !== undefined) return payload.exp * 1000;
  return expiresIn === undefined ? null : now + expiresIn * 1000;
}
