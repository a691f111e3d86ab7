import { askGoogle, type Bench, googleAudience } from './clouds.ts';
import type { TokenOptions } from './issuer.ts';

export const cloudPlatform = 'https://www.googleapis.com/auth/cloud-platform';

/** Creates a token that the pasted Google provider accepts, except for `claims`. */
export function googleToken(
  { issuer }: Bench,
  claims: Record<string, unknown> = {},
  options: TokenOptions = {},
): Promise<string> {
  return issuer.token({ aud: googleAudience, team: 'cfd', ...claims }, options);
}

/** Exchanges it for a federated access token. */
export async function federate(
  bench: Bench,
  claims: Record<string, unknown> = {},
  more: Record<string, string> = {},
): Promise<string> {
  const reply = await askGoogle(bench, await googleToken(bench, claims), more);
  return JSON.parse(reply.text).access_token;
}

/** Returns the holder of an access token. */
export async function tokenInfo({ sandbox }: Bench, accessToken: string): Promise<Record<string, string>> {
  const response = await fetch(`${sandbox.google.sts_endpoint}/oauth2/v3/tokeninfo?access_token=${accessToken}`);
  return { status: String(response.status), ...((await response.json()) as Record<string, string>) };
}
