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
 * Computes the AWS Signature Version 4 of a request under `secret`, as hex. `signedHeaders` holds lower-case names in the order
 * of the request. `unsignedParameter` is omitted from the query: the signature itself in a presigned URL.
 */
export function computeSignature(
  request: Request,
  signedHeaders: readonly string[],
  scope: Scope,
  time: string,
  secret: string,
  unsignedParameter?: string,
): string {
  const canonicalRequest = [
    request.method,
    canonicalizePath(request.path),
    canonicalizeQuery(request.query, unsignedParameter),
    ...signedHeaders.map((name) => `${name}:${readHeader(request, name)}`),
    '',
    signedHeaders.join(';'),
    sha256(request.body),
  ].join('\n');
  const credentialScope = `${scope.date}/${scope.region}/${scope.service}/aws4_request`;
  const stringToSign = [algorithm, time, credentialScope, sha256(canonicalRequest)].join('\n');
  const key = [scope.date, scope.region, scope.service, 'aws4_request'].reduce<Buffer | string>(hmac, `AWS4${secret}`);
  return hmac(key, stringToSign).toString('hex');
}

/** Encodes each segment of the path again, as all services but S3 do. */
function canonicalizePath(path: string): string {
  return path.split('/').map(encode).join('/');
}

function canonicalizeQuery(query: URLSearchParams, unsignedParameter: string | undefined): string {
  return [...query]
    .filter(([name]) => name !== unsignedParameter)
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([a, x], [b, y]) => compare(a, b) || compare(x, y))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

/** Returns all values of a header in the order sent, trimmed and with runs of spaces reduced to one. */
function readHeader({ raw_headers: raw }: Request, name: string): string {
  const values: string[] = [];
  for (let index = 0; index < raw.length; index += 2) {
    if (raw[index]!.toLowerCase() === name) values.push(raw[index + 1]!.trim().replace(/ +/g, ' '));
  }
  return values.join(',');
}

/** Percent-encodes everything but the unreserved characters (RFC 3986). */
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
