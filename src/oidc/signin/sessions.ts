import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { ArtifactStore } from '../../store/artifacts.ts';
import { consoleClient } from '../names.ts';

type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>;

/**
 * Another person has signed in with this browser: the session of the one before ends, with what it gave the console.
 * oidc-provider would ask by a form that sends itself off by an inline script.
 */
export async function endOtherSession(
  provider: Provider,
  artifacts: ArtifactStore,
  ctx: KoaContextWithOIDC,
  interaction: Interaction,
  accountId: string,
): Promise<void> {
  const session = await provider.Session.get(ctx);
  if (session.accountId === undefined || session.accountId === accountId) return;
  const grant = session.grantIdFor(consoleClient);
  if (grant !== undefined) await endGrant(artifacts, grant);
  await session.destroy();
  interaction.session = undefined;
  await interaction.persist();
}

/** A grant and everything that was given under it, at once: access tokens die with their grant. */
export async function endGrant(artifacts: ArtifactStore, grant: string): Promise<void> {
  await artifacts.destroy('Grant', grant);
  await artifacts.revokeGrant(grant);
}
