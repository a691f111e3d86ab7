import type { Clock } from '../../core/clock.ts';
import type { QuotaName } from '../../core/quotas.ts';
import type { Database } from '../../database/connections.ts';
import type { Artifact, ArtifactStore } from '../../store/issuing/artifacts.ts';
import { buildQuotaExceededError } from '../pipeline/admit.ts';
import { findPrincipal } from '../pipeline/principals.ts';
import type { QuotaCounts } from '../pipeline/quotacounts.ts';

/**
 * The quota of each kind of artifact that counts for its principal. The other kinds live for minutes or have no
 * principal.
 */
const quotaByModel: Readonly<Record<string, QuotaName>> = {
  AccessToken: 'access_tokens',
  ClientCredentials: 'access_tokens',
  Session: 'sign_ins',
  Grant: 'sign_ins',
  RefreshToken: 'sign_ins',
};

/**
 * A refresh token that replaces a used one adds none. A refusal here would happen after the use, and end the sign-in
 * (RFC 9700 4.14.2).
 */
const isRotation = ({ model, payload }: Artifact) => model === 'RefreshToken' && payload.rotations !== undefined;

/** Wraps `artifacts`: `save` throws `quota_exceeded` for a new artifact of a principal whose quota is reached. */
export function limitArtifacts(parts: {
  artifacts: ArtifactStore;
  quotas: QuotaCounts;
  database: Database;
  clock: Clock;
}): ArtifactStore {
  const { artifacts, quotas, database, clock } = parts;

  async function refuse(name: QuotaName, holder: string, value: number): Promise<never> {
    const principal = await findPrincipal(database.query, holder);
    const key = { name, organization_id: principal?.organization_id ?? null, holder };
    throw await buildQuotaExceededError(database.query, key, value, { id: holder, name: principal?.name ?? holder });
  }

  async function save(artifact: Artifact): Promise<void> {
    const { model, principal_id } = artifact;
    const name = Object.hasOwn(quotaByModel, model) ? quotaByModel[model] : undefined;
    if (name === undefined || principal_id === undefined || isRotation(artifact)) return await artifacts.save(artifact);
    await quotas.runAdmitted(async ({ reserve }) => {
      const full = reserve([{ name, organization_id: null, holder: principal_id }], 1)?.value;
      // Sessions and grants are saved again with every change, which is not refused.
      const isNew = full !== undefined && (await artifacts.find(model, { id: artifact.id }, clock.now())) === undefined;
      if (isNew) await refuse(name, principal_id, full);
      await artifacts.save(artifact);
    });
  }

  return { ...artifacts, save };
}
