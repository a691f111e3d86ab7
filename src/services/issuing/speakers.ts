import type { Keyring, PublishedKeys } from '../../signing/keysets/keyring.ts';
import type { TokenSigner } from '../../signing/signers/permits.ts';

/** What speaks for an identity: the issuer of its tokens, the key set whose keys are published there, and what signs. */
export interface Speaker {
  issuer: string;
  tenancy: 'single' | 'multi';
  keyring: Pick<Keyring, 'ensureVersion'> & { current(): Pick<PublishedKeys, 'jwks'> };
  signer: TokenSigner;
}

/**
 * Resolves which issuer and which key set speak for an identity. Nothing else decides that: issuers per organisation and key
 * sets per cluster will be resolved here.
 */
export interface Speakers {
  findSpeaker(organization_id: string, identity_id: string): Speaker;
}

/** Returns the resolver of an installation with one issuer. */
export function createSpeakers(speaker: Speaker): Speakers {
  return { findSpeaker: () => speaker };
}
