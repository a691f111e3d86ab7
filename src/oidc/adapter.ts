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

/** Creates the storage of oidc-provider. Returns an arrow function: oidc-provider would call a constructable one with `new`. */
export function createAdapters(parts: AdapterParts): AdapterFactory {
  return (model) => (model === 'Client' ? clientAdapter(parts.lookupClient) : artifactAdapter(model, parts));
}

/**
 * Stores artifacts. oidc-provider finds and then saves or consumes, so that of concurrent requests all would pass (threats.md
 * M1, M2). Single use is therefore decided by the statement that writes, and every other request gets the error that
 * oidc-provider itself would have returned (M3).
 */
function artifactAdapter(model: string, { artifacts, clock }: AdapterParts): ArtifactAdapter {
  const isSingleUse = model === 'ReplayDetection';

  async function find(key: ArtifactKey): Promise<AdapterPayload | undefined> {
    const found = await artifacts.find(model, key, clock.now() - getGracePeriod(model, key));
    if (found === undefined) return undefined;
    if (found.consumed_at === null) return found.payload;
    return { ...found.payload, consumed: Math.floor(found.consumed_at / 1000) };
  }

  /** A second use means that the code or token was stolen: ends the grant with all tokens that were issued under it. */
  async function refuseReuse(id: string): Promise<never> {
    const used = grantEnding.has(model) ? await artifacts.find(model, { id }, clock.now()) : undefined;
    const grant = used?.payload.grantId;
    if (typeof grant === 'string') await endGrant(artifacts, grant);
    throw new errors.InvalidGrant(`${model} was used before or has expired`);
  }

  const createArtifact = (id: string, payload: AdapterPayload, expiresIn: number | undefined): Artifact => ({
    model,
    id,
    payload: { ...payload },
    grant_id: payload.grantId,
    uid: payload.uid,
    user_code: payload.userCode,
    principal_id: findPrincipal(model, payload),
    trust_rule_id: readTrustRule(payload),
    expires_at: computeExpiry(payload, expiresIn, clock.now()),
  });

  return {
    replace: (id, payload, expiresIn, former) => artifacts.replace(createArtifact(id, payload, expiresIn), former),
    async upsert(id, payload, expiresIn) {
      const artifact = createArtifact(id, payload, expiresIn);
      if (!isSingleUse) await artifacts.save(artifact);
      else if (!(await artifacts.saveOnce(artifact)))
        throw new errors.InvalidClientAuth('client assertion tokens must only be used once');
    },
    // The insert decides whether an assertion was used before. A query here would decide nothing.
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

/** Reads clients. They are service accounts, which only the API creates, changes and deletes. */
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

/**
 * A second use of these ends their grant (RFC 6749 4.1.2, RFC 9700 4.14.2). Not a device code: a device may poll twice at
 * once.
 */
const grantEnding: ReadonlySet<string> = new Set(['AuthorizationCode', 'RefreshToken']);

/**
 * Returns the milliseconds that an artifact is found after its expiry. Expired device codes are kept, so that polling returns
 * `expired_token` and not `invalid_grant`.
 */
function getGracePeriod(model: string, key: ArtifactKey): number {
  return model === 'DeviceCode' && 'id' in key ? 5 * 60 * 1000 : 0;
}

function findPrincipal(model: string, payload: AdapterPayload): string | undefined {
  if (model === 'ClientCredentials') return payload.clientId;
  // A finished sign-in becomes a session at the next request of the browser. It counts for its user and ends with the sessions.
  return model === 'Interaction' ? payload.result?.login?.accountId : payload.accountId;
}

/** Returns the trust rule of an access token that was issued for a token of an outside issuer. */
function readTrustRule({ extra }: AdapterPayload): string | undefined {
  const rule: unknown = extra?.[trustRuleClaim];
  return typeof rule === 'string' ? rule : undefined;
}

/** Returns the expiry of the payload where it has one, so that the column and introspection agree to the second. */
function computeExpiry(payload: AdapterPayload, expiresIn: number | undefined, now: number): number | null {
  if (payload.exp !== undefined) return payload.exp * 1000;
  return expiresIn === undefined ? null : now + expiresIn * 1000;
}
