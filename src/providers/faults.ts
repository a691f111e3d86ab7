import { isObject } from '../core/json.ts';

/**
 * Functions that read the errors of all SDKs. Each SDK has its own form, and proxies may answer instead of a cloud, so every
 * member may be absent or have another type.
 */

const networkCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
  'ERR_STREAM_PREMATURE_CLOSE',
]);

/** Codes of TLS failures. They last until a certificate is changed, so another try is useless. */
const tlsPattern = /^(?:ERR_TLS_|ERR_SSL_|EPROTO$|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH$)/;

export type ConnectionFault = { kind: 'network' | 'tls' | 'proxy'; code: string };

/** Returns the failure of a connection: the first system code in the chain of causes. */
export function connectionFault(thrown: unknown): ConnectionFault | undefined {
  for (const error of causes(thrown)) {
    const { code } = error;
    if (typeof code !== 'string') continue;
    if (code === 'ERR_PROXY_TUNNEL') return { kind: 'proxy', code };
    if (networkCodes.has(code)) return { kind: 'network', code };
    if (tlsPattern.test(code)) return { kind: 'tls', code };
  }
  return undefined;
}

/** Returns the HTTP status of the answer; undefined where there was none. */
export function readStatus(thrown: unknown): number | undefined {
  for (const error of causes(thrown)) {
    const { $metadata: metadata, response, status } = error;
    if (isObject(metadata) && typeof metadata.httpStatusCode === 'number') return metadata.httpStatusCode;
    if (isObject(response) && typeof response.status === 'number') return response.status;
    if (typeof status === 'number') return status;
  }
  return undefined;
}

/** Returns whether another try is worthwhile: the cloud throttled, failed, or could not be reached. */
export function isTransientFault(thrown: unknown): boolean {
  const status = readStatus(thrown);
  if (status !== undefined) return status === 408 || status === 429 || status >= 500;
  return connectionFault(thrown)?.kind === 'network';
}

/** Returns `Retry-After` in seconds (RFC 9110 10.2.3, delay form); undefined where the answer has none. */
export function readRetryAfter(thrown: unknown): number | undefined {
  for (const error of causes(thrown)) {
    const response = isObject(error.$response) ? error.$response : error.response;
    const value = isObject(response) ? readHeader(response.headers, 'retry-after') : undefined;
    if (value !== undefined && /^\d{1,6}$/.test(value)) return Number(value);
  }
  return undefined;
}

function readHeader(headers: unknown, name: string): string | undefined {
  if (headers instanceof Headers) return headers.get(name) ?? undefined;
  const value = isObject(headers) ? headers[name] : undefined;
  if (typeof value === 'string') return value;
  // node-fetch has a Headers class of its own.
  if (!isObject(headers) || typeof headers.get !== 'function') return undefined;
  const got: unknown = headers.get(name);
  return typeof got === 'string' ? got : undefined;
}

function* causes(thrown: unknown): Generator<Record<string, unknown>> {
  let error = thrown;
  for (let depth = 0; depth < 5 && isObject(error); depth++) {
    yield error;
    error = error.cause;
  }
}

const secretPatterns = [
  /\beyJ[\w-]{4,}\.[\w-]*(?:\.[\w-]*){0,3}/g,
  /\barsia_[a-z]+_[\w-]+/g,
  /\b(?:ya29\.|1\/\/)[\w.-]+/g,
  /\b(?:ASIA|AKIA)[A-Z0-9]{8,}/g,
  /\b(?:client_assertion|client_secret|subject_token|WebIdentityToken|access_token|SessionToken|SecretAccessKey|password)["']?\s*[=:]\s*["']?[^\s"'&,}]+/gi,
  // No word of a cloud's message is this long, and every token is.
  /[\w+/=-]{80,}/g,
];

const maximumMessage = 1000;

/** Returns a cloud's message for people and logs: without tokens, secrets and control characters, and shortened. */
export function scrub(message: string): string {
  let text = message.slice(0, 4 * maximumMessage);
  for (const pattern of secretPatterns) text = text.replace(pattern, '[removed]');
  text = text.replace(/\p{Cc}+/gu, ' ').trim();
  return text.length > maximumMessage ? `${text.slice(0, maximumMessage)}…` : text;
}
