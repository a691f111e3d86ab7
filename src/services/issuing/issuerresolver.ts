import type { Keyring, PublishedKeys } from '../../signing/keysets/keyring.ts';
import type { TokenSigner } from '../../signing/signers/permits.ts';

/** The issuer of an identity's tokens, the key set that is published there, and the signer. */
export interface TokenIssuer {
  issuer: string;
  tenancy: 'single' | 'multi';
  keyring: Pick<Keyring, 'ensureVersion'> & { current(): Pick<PublishedKeys, 'jwks'> };
  signer: TokenSigner;
}

/**
 * Returns the issuer and the key set of an identity. No other code decides that: issuers per organisation and key sets
 * per cluster will be resolved here.
 */
export interface IssuerResolver {
  resolveIssuer(organization_id: string, identity_id: string): TokenIssuer;
}

/** Creates the resolver of an installation with one issuer. */
export function createIssuerResolver(tokenIssuer: TokenIssuer): IssuerResolver {
  return { resolveIssuer: () => tokenIssuer };
}
