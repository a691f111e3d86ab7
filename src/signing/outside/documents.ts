import { createLocalJWKSet } from 'jose';
import type { Clock } from '../../core/clock.ts';
import { ArsiaError } from '../../core/errors.ts';
import { estimateHeapBytes } from '../../core/heapsize.ts';
import { isObject } from '../../core/json.ts';
import { outsideTokens } from '../../core/lifetimes.ts';
import { formatDiscoveryUrl } from '../../core/outsideissuers.ts';
import { createFairCache } from '../../fairness/faircache.ts';
import type { DocumentFetch } from './fetch.ts';
import { readUsableKeys } from './keys.ts';

export type KeyFinder = ReturnType<typeof createLocalJWKSet>;

export interface IssuerKeys {
  /**
   * Returns the keys of an issuer, reloaded where `kid` is not among them. Throws ArsiaError `outside_token_refused` or
   * `issuer_unavailable`. `asker` is an organisation that trusts the issuer: issuers that no trust rule names must not occupy
   * the cache.
   */
  find(issuer: string, kid: string | undefined, asker: string): Promise<KeyFinder>;
}

/** The keys of an issuer, or why there are none. Times in milliseconds since 1970. */
interface Entry {
  keys?: { finder: KeyFinder; kids: ReadonlySet<string | undefined> };
  fault?: ArsiaError;
  expires_at: number;
  /** When the documents were last requested. */
  asked_at: number;
  /** Estimated heap bytes of this entry. */
  bytes: number;
}

interface IssuerKeysParts {
  fetch: DocumentFetch;
  clock: Pick<Clock, 'now'>;
  /** Seconds for discovery and JWKS together. */
  deadline?: number;
}

const mebibyte = 2 ** 20;
/** Bytes of the keys of all issuers, and of those of one organisation. A document has up to 100 KiB. */
const bounds = {
  maximumBytes: 16 * mebibyte,
  shareBytes: 8 * mebibyte,
  maximumAge: outsideTokens.documentCache.maximum * 1000,
};
/** Heap bytes of a failure with its stack, and of an imported key. */
const heldBytes = { fault: 4096, imported: 4096 };
/**
 * Concurrent fetches. An organisation gets at most as many as remain for others, so that issuers that never answer do not
 * block those of other organisations.
 */
const maximumFetches = 64;
const { documentCache, failureCache, fetchDeadline, refetch } = outsideTokens;

/**
 * Creates the cache of the discovery documents and JWKS of outside issuers. They are kept as long as their headers allow.
 * Failures are kept too, so that an issuer that does not answer causes one request in half a minute. Concurrent requests for
 * the same issuer share one fetch.
 */
export function createIssuerKeys({ fetch, clock, deadline = fetchDeadline }: IssuerKeysParts): IssuerKeys {
  const entries = createFairCache(bounds).map<Entry>();
  const running = new Map<string, { asker: string; entry: Promise<Entry> }>();

  function load(issuer: string, asker: string): Promise<Entry> {
    const shared = running.get(issuer);
    if (shared !== undefined) return shared.entry;
    const own = [...running.values()].filter((one) => one.asker === asker).length;
    if (own >= maximumFetches - running.size) return Promise.reject(tooMany());
    const entry = attempt(issuer, asker).finally(() => running.delete(issuer));
    running.set(issuer, { asker, entry });
    return entry;
  }

  async function attempt(issuer: string, asker: string): Promise<Entry> {
    const asked_at = clock.now();
    const since = performance.now();
    const entry = await read(issuer, asked_at).catch((thrown: unknown): Entry => {
      if (!(thrown instanceof ArsiaError)) throw thrown;
      const kept = entries.find(issuer)?.value;
      // Keys that have not expired stay valid when a reload fails.
      if (kept?.keys !== undefined && kept.expires_at > asked_at) return { ...kept, asked_at };
      return { fault: thrown, expires_at: asked_at + failureCache * 1000, asked_at, bytes: heldBytes.fault };
    });
    // The entry that was loaded longest ago is evicted first. A busy issuer is loaded again at its next request.
    entries.keep(issuer, { value: entry, organization_id: asker, since, bytes: entry.bytes });
    return entry;
  }

  async function read(issuer: string, now: number): Promise<Entry> {
    const signal = AbortSignal.timeout(deadline * 1000);
    const discovery = await fetch(formatDiscoveryUrl(issuer), signal);
    const { issuer: named, jwks_uri } = isObject(discovery.body) ? discovery.body : {};
    // OpenID Connect Discovery 1.0, 4.3: otherwise one issuer could impersonate another.
    if (named !== issuer) throw misdescribed('The discovery document of the issuer names another issuer, or none.');
    if (typeof jwks_uri !== 'string') throw misdescribed('The discovery document of the issuer has no jwks_uri.');
    const jwks = await fetch(jwks_uri, signal);
    const keys = readUsableKeys(jwks.body);
    if (keys.length === 0) throw misdescribed('The issuer publishes no key that Arsia accepts (RSA of 2048 bits, EC).');
    const { minimum, maximum } = documentCache;
    const life = Math.min(maximum, Math.max(minimum, jwks.maximum_age ?? documentCache.default));
    return {
      keys: { finder: createLocalJWKSet({ keys }), kids: new Set(keys.map(({ kid }) => kid)) },
      expires_at: now + life * 1000,
      asked_at: now,
      bytes: estimateHeapBytes(keys) + heldBytes.imported * keys.length,
    };
  }

  return {
    async find(issuer, kid, asker) {
      const now = clock.now();
      const kept = entries.find(issuer)?.value;
      let entry = kept !== undefined && kept.expires_at > now ? kept : await load(issuer, asker);
      const isMissing = kid !== undefined && entry.keys !== undefined && !entry.keys.kids.has(kid);
      if (isMissing && now - entry.asked_at >= refetch * 1000) entry = await load(issuer, asker);
      if (entry.keys === undefined) throw repeatFault(entry, now);
      return entry.keys.finder;
    },
  };
}

/** Returns a kept failure with the time that remains until the next request. */
function repeatFault({ fault, expires_at }: Entry, now: number): ArsiaError {
  const { code, message, more } = fault!;
  return new ArsiaError(code, message, { ...more, retry_after: Math.max(1, Math.ceil((expires_at - now) / 1000)) });
}

function misdescribed(detail: string): ArsiaError {
  return new ArsiaError('outside_token_refused', detail, {
    advice: 'Correct the documents of the issuer (OpenID Connect Discovery 1.0, RFC 7517).',
  });
}

function tooMany(): ArsiaError {
  return new ArsiaError('issuer_unavailable', 'Too many documents of outside issuers are being fetched.', {
    retry_after: 1,
  });
}
