import { IssuerUnreachable } from '../issuer.ts';
import { type DecodedToken, decodeToken, isSignedBy, isWholeSeconds, listAudiences } from '../jwt.ts';
import type { KeyCache } from '../keycache.ts';
import type { OpenIdConnectProvider } from './accounts.ts';
import { createAwsRefusal, refuseUnknownKey } from './errors.ts';

/** A verified web identity token. */
export interface IdentityToken {
  /** The claims as the trust policy sees them: `aud` is the audience that matched. */
  claims: Record<string, unknown>;
  issuer: string;
  subject: string;
  audience: string;
}

interface Verification {
  /** Finds a provider of the account of the role by its issuer. */
  findProvider(issuer: string): OpenIdConnectProvider | undefined;
  keys: KeyCache;
  /** Milliseconds since 1970. */
  now: number;
}

const algorithms = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512'];
/** Seconds, on `iat`, `nbf` and `exp` (threats.md 3.2). */
const tolerance = 300;
const requiredClaims = ['iss', 'sub', 'aud', 'exp', 'iat'];

/** Verifies a token. Throws the refusals of cloud-facts.md 1.3; messages without a source are the sandbox's own. */
export async function verifyIdentityToken(token: string, verification: Verification): Promise<IdentityToken> {
  const decoded = decodeToken(token);
  if (!decoded)
    throw refuseToken('The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)');
  const { claims } = decoded;
  checkShape(claims);
  const issuer = String(claims.iss);
  const provider = verification.findProvider(issuer);
  if (!provider) throw refuseToken(`No OpenIDConnect provider found in your account for ${issuer}`);
  await checkSignature(token, decoded, issuer, verification.keys);
  checkTimes(claims, Math.floor(verification.now / 1000));
  const audience = findAudience(claims);
  if (audience === undefined || !provider.client_ids.includes(audience)) throw refuseToken('Incorrect token audience');
  return { claims: { ...claims, aud: audience }, issuer, subject: String(claims.sub), audience };
}

function checkShape(claims: Readonly<Record<string, unknown>>): void {
  for (const name of requiredClaims) {
    if (claims[name] === undefined) throw refuseToken(`Missing a required claim: ${name}`);
  }
  // Observed at AWS: a null subject is an internal failure and not a refusal (threats.md 3.2).
  if (claims.sub === null) throw createAwsRefusal('InternalFailure', 'An internal error occurred.');
  if (typeof claims.iss !== 'string') throw refuseToken('The iss claim is not a string.');
  for (const name of ['iat', 'nbf', 'exp']) {
    if (claims[name] !== undefined && !isWholeSeconds(claims[name]))
      throw refuseToken(`The ${name} claim is not an integer.`);
  }
}

async function checkSignature(token: string, { header }: DecodedToken, issuer: string, keys: KeyCache): Promise<void> {
  if (typeof header.alg !== 'string' || !algorithms.includes(header.alg))
    throw refuseToken(`The signature algorithm of the token is none of ${algorithms.join(', ')}.`);
  if (typeof header.kid !== 'string') throw refuseUnknownKey();
  const key = await keys.find(issuer, header.kid).catch((error: unknown) => {
    throw error instanceof IssuerUnreachable ? refuseUnknownKey() : error;
  });
  if (!key) throw refuseUnknownKey();
  if (!(await isSignedBy(token, key, algorithms)))
    throw refuseToken('The web identity token that was passed could not be validated.');
}

/**
 * Checks the times; `now` is in seconds. An expired token within the tolerance starts a full session, as observed at AWS
 * (threats.md 3.2).
 */
function checkTimes(claims: Readonly<Record<string, unknown>>, now: number): void {
  const { iat, nbf, exp } = claims as { iat: number; nbf?: number; exp: number };
  if (now >= exp + tolerance)
    throw createAwsRefusal(
      'ExpiredTokenException',
      `Token expired: current date/time ${now} must be before the expiration date/time ${exp}`,
    );
  if (iat > now + tolerance)
    throw refuseToken(`The token is issued at ${iat}, which is after the current date/time ${now}.`);
  if (nbf !== undefined && nbf > now + tolerance)
    throw refuseToken(`The token is not valid before ${nbf}, which is after the current date/time ${now}.`);
}

/** Returns `azp` if present, else the audience if there is exactly one (cloud-facts.md 0 trap 8, threats.md 3.2). */
function findAudience(claims: Readonly<Record<string, unknown>>): string | undefined {
  if (typeof claims.azp === 'string') return claims.azp;
  const audiences = listAudiences(claims);
  return audiences.length === 1 ? audiences[0] : undefined;
}

function refuseToken(message: string) {
  return createAwsRefusal('InvalidIdentityToken', message);
}
