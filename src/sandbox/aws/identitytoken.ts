import { IssuerUnreachable } from '../issuer.ts';
import { type DecodedToken, decodeToken, isSignedBy, isWholeSeconds, listAudiences } from '../jwt.ts';
import type { KeyCache } from '../keycache.ts';
import type { OpenIdConnectProvider } from './accounts.ts';
import { createAwsRefusal, refuseInvalidToken, refuseUnknownKey } from './errors.ts';
import { soleKey } from './keys.ts';

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
/** Seconds, on `iat`, `nbf` and `exp` (cases/aws-facts.md 7). */
const tolerance = 300;
const requiredClaims = ['iss', 'sub', 'aud', 'exp', 'iat'];

/** Verifies a token. Throws the refusals of cloud-facts.md 1.3; messages without a source are the sandbox's own. */
export async function verifyIdentityToken(token: string, verification: Verification): Promise<IdentityToken> {
  const decoded = decodeToken(token);
  if (!decoded || decoded.header.crit !== undefined)
    throw refuseToken('The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)');
  const claims = readClaims(decoded.claims);
  const issuer = String(claims.iss);
  const provider = verification.findProvider(issuer);
  if (!provider) throw refuseToken(`No OpenIDConnect provider found in your account for ${issuer}`);
  await checkSignature(token, decoded, issuer, verification.keys);
  checkTimes(claims, Math.floor(verification.now / 1000));
  const audience = findAudience(claims);
  if (!provider.client_ids.includes(audience)) throw refuseInvalidToken();
  return { claims: { ...claims, aud: audience }, issuer, subject: String(claims.sub), audience };
}

/** Returns the claims with times as numbers. AWS takes a time that is digits in a string (cases/aws-facts.md 9). */
function readClaims(claims: Readonly<Record<string, unknown>>): Record<string, unknown> {
  for (const name of requiredClaims) {
    if (claims[name] === undefined) throw refuseToken(`Missing a required claim: ${name}`);
  }
  // A null subject is an internal failure and not a refusal (cases/aws-facts.md 3).
  if (claims.sub === null) throw createAwsRefusal('InternalFailure', 'Unknown error validating third-party token');
  if (typeof claims.iss !== 'string') throw refuseToken('The iss claim is not a string.');
  const times = ['iat', 'nbf', 'exp'].filter((name) => claims[name] !== undefined);
  return { ...claims, ...Object.fromEntries(times.map((name) => [name, readTime(claims[name])])) };
}

function readTime(value: unknown): number {
  const seconds = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  if (!isWholeSeconds(seconds)) throw refuseToken('Invalid timestamp in token claims.');
  return seconds;
}

async function checkSignature(token: string, { header }: DecodedToken, issuer: string, keys: KeyCache): Promise<void> {
  if (typeof header.alg !== 'string' || !algorithms.includes(header.alg))
    throw refuseToken(`The signature algorithm of the token is none of ${algorithms.join(', ')}.`);
  const kid = header.kid === undefined ? soleKey : header.kid;
  if (typeof kid !== 'string' || header.kid === soleKey) throw refuseUnknownKey();
  const key = await keys.find(issuer, kid).catch((error: unknown) => {
    throw error instanceof IssuerUnreachable ? refuseUnknownKey() : error;
  });
  if (!key) throw refuseUnknownKey();
  // The `alg` of the key is not compared (cases/aws-facts.md 17).
  const { alg: _, ...unbound } = key;
  if (key.key_ops !== undefined || !(await isSignedBy(token, unbound, algorithms))) throw refuseInvalidToken();
}

/**
 * Checks the times; `now` is in seconds. An expired token within the tolerance starts a full session. The texts have the clock as it
 * is after the tolerance (cases/aws-facts.md 7, 8, 10).
 */
function checkTimes(claims: Readonly<Record<string, unknown>>, now: number): void {
  const { iat, nbf, exp } = claims as { iat: number; nbf?: number; exp: number };
  if (now - tolerance >= exp)
    throw createAwsRefusal(
      'ExpiredTokenException',
      `Token expired: current date/time ${now - tolerance} must be before the expiration date/time ${exp}`,
    );
  if (iat > now + tolerance) throw refuseToken(`Token issued in the future: ${iat}`);
  // The words of this text were not observed.
  if (nbf !== undefined && nbf > now + tolerance)
    throw refuseToken(`The token is not valid before ${nbf}, which is after the current date/time ${now + tolerance}.`);
}

/** Returns `azp` where the token has one, else the only audience (cases/aws-facts.md 4, 5). */
function findAudience(claims: Readonly<Record<string, unknown>>): string {
  if (claims.azp !== undefined) return typeof claims.azp === 'string' ? claims.azp : '';
  const audiences = listAudiences(claims);
  if (audiences.length > 1)
    throw refuseToken('Token audience contains more than one audience while authorized party is not present');
  return audiences[0] ?? '';
}

function refuseToken(message: string) {
  return createAwsRefusal('InvalidIdentityToken', message);
}
