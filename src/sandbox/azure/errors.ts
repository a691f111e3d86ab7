import type { Clock } from '../../core/clock.ts';
import { createUuid } from '../issued.ts';
import type { Answer } from '../listener.ts';
import { Refusal } from '../refusal.ts';

interface Row {
  status: number;
  error: string;
  text: string;
}

const noMatch = (what: string) =>
  `No matching federated identity record found for presented assertion ${what} '{value}'. Please check your federated identity credential Subject, Audience and Issuer against the presented assertion.`;

/**
 * AADSTS errors by number. Source: cloud-facts.md 2.2 and 2.3, which give some messages by meaning only. `{value}` is replaced
 * by a value of the request.
 */
const table = {
  50027: row(400, 'invalid_request', 'JWT token is invalid or malformed.'),
  50166: row(400, 'invalid_request', 'Request to External OIDC endpoint failed.'),
  70003: row(400, 'unsupported_grant_type', "The app requested an unsupported grant type '{value}'."),
  70011: row(
    400,
    'invalid_scope',
    "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope {value} is not valid.",
  ),
  70025: row(401, 'invalid_client', "The client '{value}' has no configured federated identity credentials."),
  90002: row(
    400,
    'invalid_request',
    "Tenant '{value}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.",
  ),
  700016: row(400, 'unauthorized_client', "Application with identifier '{value}' was not found in the directory."),
  700024: row(401, 'invalid_client', 'Client assertion is not within its valid time range. {value}'),
  700027: row(401, 'invalid_client', 'Client assertion failed signature validation. [Reason - {value}]'),
  700211: row(401, 'invalid_client', noMatch('issuer')),
  700212: row(401, 'invalid_client', noMatch('audience')),
  700213: row(
    401,
    'invalid_client',
    `${noMatch('subject')} Note that the matching is done using a case-sensitive comparison.`,
  ),
  900144: row(400, 'invalid_request', "The request body must contain the following parameter: '{value}'."),
  900561: row(400, 'invalid_request', 'The endpoint only accepts POST requests. Received a {value} request.'),
  5002727: row(
    400,
    'invalid_request',
    "Invalid JWT header type specified, must be 'JWT' or 'http://openid.net/specs/jwt/1.0'.",
  ),
  5002738: row(
    400,
    'invalid_request',
    "Invalid JWT token. '{value}' is not a supported signature algorithm. Supported signing algorithms are: 'RS256, HS256'",
  ),
} as const satisfies Record<number, Row>;

export type AadstsNumber = keyof typeof table;

export function createAadstsRefusal(number: AadstsNumber, value = ''): Refusal {
  // A function, because replace() would interpret `$` in the value.
  return new Refusal(
    table[number].status,
    String(number),
    table[number].text.replace('{value}', () => value),
  );
}

/** Creates the refusal of an injected fault, by HTTP status. Entra publishes no body for these. */
export function createFaultRefusal(status: number): Refusal {
  return new Refusal(status, status === 429 ? '50196' : '90033', 'A transient error has occurred. Please try again.');
}

/**
 * Creates the error document of the token endpoint (cloud-facts.md 2.2). `correlationId` is the one of the caller if it sent
 * one.
 */
export function createErrorAnswer(refusal: Refusal, clock: Clock, correlationId = createUuid(clock)): Answer {
  const traceId = createUuid(clock);
  const timestamp = new Date(clock.now()).toISOString().replace(/T(.*)\.\d+Z$/, ' $1Z');
  const number = Number(refusal.code);
  const body = {
    error: Object.hasOwn(table, number) ? table[number as AadstsNumber].error : 'temporarily_unavailable',
    error_description: `AADSTS${number}: ${refusal.message} Trace ID: ${traceId} Correlation ID: ${correlationId} Timestamp: ${timestamp}`,
    error_codes: [number],
    timestamp,
    trace_id: traceId,
    correlation_id: correlationId,
    error_uri: `https://login.microsoftonline.com/error?code=${number}`,
  };
  return { ...createJsonAnswer(refusal.status, body), code: `AADSTS${number}` };
}

export function createJsonAnswer(status: number, body: unknown): Answer {
  return { status, headers: { 'content-type': 'application/json; charset=utf-8' }, body: JSON.stringify(body) };
}

function row(status: number, error: string, text: string): Row {
  return { status, error, text };
}
