import type { Adapter, AdapterPayload } from 'oidc-provider';

/** The adapter of oidc-provider, with one more method. */
export interface ArtifactAdapter extends Adapter {
  /** Replaces the artifact `former` by one with the same or a new id. Returns false when `former` does not exist any more. */
  replace(id: string, payload: AdapterPayload, expiresIn: number, former: string): Promise<boolean>;
}
