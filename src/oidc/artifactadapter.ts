import type { Adapter, AdapterPayload } from 'oidc-provider';

/** Beyond what oidc-provider asks for. */
export interface ArtifactAdapter extends Adapter {
  /** Stores something under a new id, or the same, where `former` still is; false where it is gone. */
  replace(id: string, payload: AdapterPayload, expiresIn: number, former: string): Promise<boolean>;
}
