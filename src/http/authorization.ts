import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ArsiaError, asArsiaError } from '../core/errors.ts';
import type { LoggedFacts } from '../core/loggedfacts.ts';
import type { RequestOrigin } from '../core/origin.ts';
import { jsonType } from '../web/securityheaders.ts';
import { isLongUnread } from './kernel/body.ts';
import type { Answer, Handler, HttpRequest } from './kernel/request.ts';
import { type ProvedBy, readFormCredential } from './limits/credential.ts';
import { type LimitSettings, type Limits, type Outcome, outcomeBy } from './limits/limits.ts';
import { limitSignInStarts } from './limits/signinstarts.ts';

/** The authorization server, at `/oauth2` and at its well-known paths. */
export interface AuthorizationEndpoint {
  owns(path: string): boolean;
  /** Returns true for metadata and keys, which are public and have no limit. */
  isDocument(path: string): boolean;
  /** Returns what the endpoint reads to identify its client. */
  provedBy(path: string): ProvedBy;
  /** Writes the whole answer to `response`. */
  handle(
    request: IncomingMessage,
    response: ServerResponse,
    context: { origin: RequestOrigin; logged: LoggedFacts },
  ): Promise<void>;
}

/** Answers requests whose path the authorization server owns: within their limits it writes the answer itself. */
export function createAuthorizationHandler(
  authorization: AuthorizationEndpoint,
  limits: Limits,
  settings: LimitSettings,
): Handler {
  const limitStarts = limitSignInStarts(settings);
  return async (request) => {
    const { message, response, path, headers } = request;
    // No valid form is that long, and reading the rest would delay the next request of the connection.
    if (isLongUnread(message)) headers.connection = 'close';
    let isHandedOver = false;
    const handOver = async (): Promise<Answer> => {
      await limitStarts(request.origin.client_address ?? '', path);
      isHandedOver = true;
      // The authorization server sets its own caching headers.
      const { 'cache-control': _, ...kept } = headers;
      for (const [name, value] of Object.entries(kept)) response.setHeader(name, value);
      await authorization.handle(message, response, { origin: request.origin, logged: request.logged });
      return { status: response.statusCode };
    };
    if (authorization.isDocument(path)) return await handOver();
    const provedBy = authorization.provedBy(path);
    try {
      return await limits.within(
        request,
        (received) => readFormCredential(received, provedBy),
        handOver,
        () => outcomeOfOAuth(response.statusCode),
      );
    } catch (thrown) {
      if (isHandedOver) throw thrown;
      return oauthRefusal(request, asArsiaError(thrown));
    }
  };
}

/** An OAuth endpoint answers 400 for most invalid credentials. */
function outcomeOfOAuth(status: number): Outcome {
  return status === 400 || status === 401 ? 'refused' : outcomeBy(status);
}

/** A refusal by the limits, in the form of RFC 6749 5.2, as the authorization server refuses. */
function oauthRefusal({ headers, logged }: HttpRequest, { code, row, more, message, advice }: ArsiaError): Answer {
  logged.error_code = code;
  headers['retry-after'] = String(more.retry_after ?? 1);
  headers['content-type'] = jsonType;
  return { status: row.status, body: JSON.stringify({ error: row.oauth, error_description: `${message} ${advice}` }) };
}
