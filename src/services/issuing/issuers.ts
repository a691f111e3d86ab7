/**
 * Which issuer speaks for an identity, and which key set signs for it: asked here and nowhere else, since issuers per
 * organisation and key sets per cluster will come.
 */
export interface Issuers {
  issuerOf(identity: { id: string; organization_id: string }): string;
}

export function createIssuers(issuer: string): Issuers {
  return { issuerOf: () => issuer };
}
