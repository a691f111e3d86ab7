import { evaluate } from '../../providers/azure/evaluate.ts';
import { IssuerUnreachable } from '../issuer.ts';
import { type DecodedToken, decodeToken, isSignedBy, isWholeSeconds } from '../jwt.ts';
import { type CachePolicy, indexByKeyId, type KeyCache } from '../keycache.ts';
import type { Application } from './directory.ts';
import { type AadstsNumber, createAadstsRefusal } from './errors.ts';

/**
 * Entra caches keys for 24 h, does not fetch again for an unknown `kid`, and reads the first 100 keys (threats.md 3.2, 4.3).
 */
export const entraCachePolicy: CachePolicy = {
  lifetime: 24 * 60 * 60,
  refetchesUnknownKey: false,
  select: (keys) => indexByKeyId(keys.slice(0, 100)),
};

const algorithms = ['RS256'];
const headerTypes = ['JWT', 'http://openid.net/specs/jwt/1.0'];

/**
 * Checks that an assertion matches one of the federated credentials of the application. Checks form, issuer, signature, times,
 * subject and audience in this order, so that keys are fetched only for registered issuers. `now` is in milliseconds. Throws
 * Refusal.
 */
export async function checkAssertion(
  token: string,
  application: Application,
  keys: KeyCache,
  now: number,
): Promise<void> {
  const decoded = decodeToken(token);
  if (!decoded) throw createAadstsRefusal(50027);
  const { header, claims } = decoded;
  if (header.typ !== undefined && !headerTypes.includes(header.typ as string)) throw createAadstsRefusal(5002727);
  if (header.alg !== 'RS256' && header.alg !== 'HS256') throw createAadstsRefusal(5002738, String(header.alg));
  if (typeof claims.iss !== 'string' || typeof claims.sub !== 'string' || claims.aud === undefined)
    throw createAadstsRefusal(50027);
  if (!application.credentials.some(({ issuer }) => issuer === claims.iss))
    throw createAadstsRefusal(700211, claims.iss);
  await checkSignature(token, decoded, claims.iss, keys);
  checkTimes(claims, now);
  checkMatch(application, claims);
}

async function checkSignature(token: string, { header }: DecodedToken, issuer: string, keys: KeyCache): Promise<void> {
  const notFound = () => createAadstsRefusal(700027, 'The key was not found.');
  // A federated credential shares no secret, so HS256 has no key that could verify it.
  if (typeof header.kid !== 'string' || header.alg !== 'RS256') throw notFound();
  const key = await keys.find(issuer, header.kid).catch((error: unknown) => {
    throw error instanceof IssuerUnreachable ? createAadstsRefusal(50166) : error;
  });
  if (!key) throw notFound();
  if (!(await isSignedBy(token, key, algorithms))) throw createAadstsRefusal(700027, 'The signature is not valid.');
}

/** Checks the times without tolerance: Entra publishes none, and a token that passes here needs none. */
function checkTimes(claims: Readonly<Record<string, unknown>>, now: number): void {
  const { exp, nbf = claims.iat } = claims;
  if (!isWholeSeconds(exp) || (nbf !== undefined && !isWholeSeconds(nbf))) throw createAadstsRefusal(50027);
  if (now >= exp * 1000 || (nbf !== undefined && now < nbf * 1000)) {
    const shown = [now, (nbf ?? 0) * 1000, exp * 1000].map((time) => new Date(time).toISOString());
    throw createAadstsRefusal(
      700024,
      `Current time: ${shown[0]}, assertion valid from ${shown[1]}, expiry time of assertion ${shown[2]}.`,
    );
  }
}

/** Conditions in the order of comparison. The refusal names the failed condition of the credential that got furthest. */
const mismatches: readonly { condition: string; number: AadstsNumber; claim: string }[] = [
  { condition: 'issuer', number: 700211, claim: 'iss' },
  { condition: 'subject', number: 700213, claim: 'sub' },
  { condition: 'audience', number: 700212, claim: 'aud' },
];

function checkMatch(application: Application, claims: Readonly<Record<string, unknown>>): void {
  let furthest = 0;
  for (const { document } of application.credentials) {
    const verdict = evaluate(document, claims);
    if (verdict.allow) return;
    furthest = Math.max(
      furthest,
      mismatches.findIndex(({ condition }) => condition === verdict.condition),
    );
  }
  const { number, claim } = mismatches[furthest]!;
  throw createAadstsRefusal(number, typeof claims[claim] === 'string' ? claims[claim] : JSON.stringify(claims[claim]));
}
