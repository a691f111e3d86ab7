import { timingSafeEqual } from 'node:crypto';
import type { Request } from '../listener.ts';
import { computeSignature, type Scope } from './canonical.ts';
import { createAwsRefusal } from './errors.ts';
import type { Session, Sessions } from './sessions.ts';

/** The parts of a Signature Version 4, from the headers or the query. */
interface Presented {
  access_key_id: string;
  scope: Scope;
  signed_headers: string[];
  signature: string;
  /** `YYYYMMDDTHHMMSSZ`. */
  time: string;
  session_token: string | undefined;
  /** Seconds for which the signature is valid. */
  lifetime: number;
  /** The query parameter of the signature, absent when it is in a header. */
  parameter?: string;
}

const algorithm = 'AWS4-HMAC-SHA256';
/** Seconds of clock skew that a signer may have. */
const tolerance = 900;
const maximumPresigned = 7 * 24 * 60 * 60;

/**
 * Returns the session whose credentials signed this request, in the headers or in the query (a presigned URL). `now` is in
 * milliseconds. Throws the common errors of AWS query APIs.
 */
export function authenticate(request: Request, sessions: Sessions, now: number): Session {
  const presented = request.query.has('X-Amz-Signature') ? readQuery(request) : readHeaders(request);
  checkForm(request, presented);
  const session = sessions.find(presented.access_key_id);
  if (!session || !isEqual(presented.session_token ?? '', session.session_token))
    throw createAwsRefusal('InvalidClientTokenId', 'The security token included in the request is invalid.');
  if (now >= session.expires_at)
    throw createAwsRefusal('ExpiredToken', 'The security token included in the request is expired');
  checkTime(presented, now);
  const expected = computeSignature(
    request,
    presented.signed_headers,
    presented.scope,
    presented.time,
    session.secret_access_key,
    presented.parameter,
  );
  if (!isEqual(presented.signature, expected)) throw createAwsRefusal('SignatureDoesNotMatch', mismatch);
  return session;
}

const mismatch =
  'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.';

function readHeaders({ headers }: Request): Presented {
  const { authorization } = headers;
  if (authorization === undefined)
    throw createAwsRefusal('MissingAuthenticationToken', 'Request is missing Authentication Token');
  const [scheme = '', ...rest] = authorization.split(' ');
  if (scheme !== algorithm) throw refuseIncomplete(`Unsupported Authorization type: ${scheme}.`);
  const fields = new Map(
    rest
      .join(' ')
      .split(',')
      .map((field) => field.trim().split(/=(.*)/s, 2) as [string, string | undefined]),
  );
  return {
    ...readCredential(fields.get('Credential')),
    signed_headers: (fields.get('SignedHeaders') ?? '').split(';'),
    signature: fields.get('Signature') ?? '',
    time: joinHeader(headers['x-amz-date']),
    session_token: joinHeader(headers['x-amz-security-token']) || undefined,
    lifetime: tolerance,
  };
}

function readQuery({ query }: Request): Presented {
  const lifetime = Number(query.get('X-Amz-Expires'));
  if (query.get('X-Amz-Algorithm') !== algorithm) throw refuseIncomplete('X-Amz-Algorithm is not supported.');
  if (!Number.isInteger(lifetime) || lifetime < 1 || lifetime > maximumPresigned)
    throw refuseIncomplete(`X-Amz-Expires is not 1 to ${maximumPresigned}.`);
  return {
    ...readCredential(query.get('X-Amz-Credential') ?? undefined),
    signed_headers: (query.get('X-Amz-SignedHeaders') ?? '').split(';'),
    signature: query.get('X-Amz-Signature') ?? '',
    time: query.get('X-Amz-Date') ?? '',
    session_token: query.get('X-Amz-Security-Token') ?? undefined,
    lifetime,
    parameter: 'X-Amz-Signature',
  };
}

function readCredential(credential = ''): { access_key_id: string; scope: Scope } {
  const [access_key_id, date, region, service, terminator, ...rest] = credential.split('/');
  if (!access_key_id || !date || !region || !service || terminator !== 'aws4_request' || rest.length > 0)
    throw refuseIncomplete('Credential must be <access key>/<date>/<region>/<service>/aws4_request.');
  return { access_key_id, scope: { date, region, service } };
}

/**
 * Checks that the signature covers host, time and session token, and that its scope fits: an attacker could change them
 * otherwise.
 */
function checkForm(request: Request, presented: Presented): void {
  const wanted = ['host', ...(presented.parameter ? [] : ['x-amz-date', 'x-amz-security-token'])];
  const unsigned = wanted.filter((name) => name in request.headers && !presented.signed_headers.includes(name));
  if (unsigned.length > 0) throw refuseIncomplete(`SignedHeaders lacks ${unsigned.join(', ')}.`);
  if (!/^\d{8}T\d{6}Z$/.test(presented.time))
    throw refuseIncomplete('X-Amz-Date is missing or not an ISO 8601 basic time.');
  if (presented.scope.service !== 'sts' || presented.time.slice(0, 8) !== presented.scope.date)
    throw createAwsRefusal(
      'SignatureDoesNotMatch',
      'Credential should be scoped to the date of the request and to sts.',
    );
}

function checkTime({ time, lifetime, parameter }: Presented, now: number): void {
  const signedAt = Date.parse(time.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  const shown = `${new Date(now).toISOString().replace(/[-:]|\.\d+/g, '')} (${parameter ? 'presigned' : '15 min'})`;
  if (!(now <= signedAt + lifetime * 1000))
    throw createAwsRefusal('SignatureDoesNotMatch', `Signature expired: ${time} is now earlier than ${shown}`);
  if (!(signedAt <= now + tolerance * 1000))
    throw createAwsRefusal('SignatureDoesNotMatch', `Signature not yet current: ${time} is still later than ${shown}`);
}

function isEqual(presented: string, expected: string): boolean {
  const [a, b] = [Buffer.from(presented), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function joinHeader(header: string | string[] | undefined): string {
  return Array.isArray(header) ? header.join(',') : (header ?? '');
}

function refuseIncomplete(message: string) {
  return createAwsRefusal('IncompleteSignature', message);
}
