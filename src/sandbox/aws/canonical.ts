import { createHash, createHmac } from 'node:crypto';
import type { Request } from '../listener.ts';

/** `date/region/service/aws4_request`, split. */
export interface Scope {
  /** `YYYYMMDD`. */
  date: string;
  region: string;
  service: string;
}

const algorithm = 'AWS4-HMAC-SHA256';

/**
 * The signature that AWS Signature Version 4 gives this request under `secret`, hex. `signedHeaders` are lower-case names in
 * the order of the request; `unsignedParameter` is left out of the query (the signature itself, when it travels there).
 */
export function signatureOf(
  request: Request,
  signedHeaders: readonly string[],
  scope: Scope,
  time: string,
  secret: string,
  unsignedParameter?: string,
): string {
  const canonicalRequest = [
    request.method,
    canonicalPath(request.path),
    canonicalQuery(request.query, unsignedParameter),
    ...signedHeaders.map((name) => `${name}:${headerValue(request, name)}`),
    '',
    signedHeaders.join(';'),
    sha256(request.body),
  ].join('\n');
  const credentialScope = `${scope.date}/${scope.region}/${scope.service}/aws4_request`;
  const stringToSign = [algorithm, time, credentialScope, sha256(canonicalRequest)].join('\n');
  const key = [scope.date, scope.region, scope.service, 'aws4_request'].reduce<Buffer | string>(hmac, `AWS4${secret}`);
  return hmac(key, stringToSign).toString('hex');
}

/** Outside S3 each segment is encoded once more than it was sent. */
function canonicalPath(path: string): string {
  return path.split('/').map(encode).join('/');
}

function canonicalQuery(query: URLSearchParams, unsignedParameter: string | undefined): string {
  return [...query]
    .filter(([name]) => name !== unsignedParameter)
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([a, x], [b, y]) => compare(a, b) || compare(x, y))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

/** All values of a header, each trimmed and with its runs of spaces shortened, in the order they were sent. */
function headerValue({ raw_headers: raw }: Request, name: string): string {
  const values: string[] = [];
  for (let at = 0; at < raw.length; at += 2) {
    if (raw[at]!.toLowerCase() === name) values.push(raw[at + 1]!.trim().replace(/ +/g, ' '));
  }
  return values.join(',');
}

/** RFC 3986: everything but the unreserved characters. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function sha256(data: Buffer | string): string {
  return createHash('sha256').update(data).digest('hex');
}

function hmac(key: Buffer | string, data: string): Buffer {
  return createHmac('sha256', key).update(data).digest();
}
