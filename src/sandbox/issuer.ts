import type { JWK } from 'jose';
import { isObject } from '../core/json.ts';
import { isLoopbackHost } from '../core/loopback.ts';

/** The reason why the keys of an issuer could not be read. Clouds do not show it; each has its own message. */
export class IssuerUnreachable extends Error {}

const maximumDocument = 1024 * 1024;

/**
 * Returns whether a cloud would register this issuer: https, without query, fragment and user name. Unlike the clouds, the
 * sandbox accepts http on loopback (cloud-facts.md 0, trap 4).
 */
export function isIssuerUrl(text: string): boolean {
  const url = URL.parse(text);
  return (
    url !== null && isReachable(url) && !text.includes('?') && !text.includes('#') && !url.username && !url.password
  );
}

/**
 * Fetches the keys of an issuer: its discovery document (OpenID Connect Discovery 1.0, section 4) and the JWKS that it names,
 * both within `budget` milliseconds. Throws IssuerUnreachable.
 */
export async function fetchKeys(issuer: string, budget: number): Promise<JWK[]> {
  const signal = AbortSignal.timeout(budget);
  const discovery = await fetchJson(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, signal);
  if (discovery.issuer !== issuer) throw new IssuerUnreachable('discovery names another issuer');
  const jwksUri = discovery.jwks_uri;
  const url = typeof jwksUri === 'string' ? URL.parse(jwksUri) : null;
  if (url === null || !isReachable(url)) throw new IssuerUnreachable('discovery has no usable jwks_uri');
  const { keys } = await fetchJson(url.href, signal);
  if (!Array.isArray(keys)) throw new IssuerUnreachable('the JWKS has no keys');
  return keys.filter(isObject) as JWK[];
}

async function fetchJson(url: string, signal: AbortSignal): Promise<Record<string, unknown>> {
  try {
    // Issuers respond without a redirect (cloud-facts.md 4). A redirect would leave the registered issuer.
    const response = await fetch(url, { signal, redirect: 'error', headers: { accept: 'application/json' } });
    if (!response.ok) throw new IssuerUnreachable(`HTTP ${response.status}`);
    const value: unknown = JSON.parse(await readText(response));
    if (!isObject(value)) throw new IssuerUnreachable('not a JSON object');
    return value;
  } catch (error) {
    if (error instanceof IssuerUnreachable) throw error;
    throw new IssuerUnreachable('no readable answer', { cause: error });
  }
}

async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > maximumDocument) throw new IssuerUnreachable('the document is too long');
  }
  return text + decoder.decode();
}

function isReachable(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackHost(url.hostname));
}
