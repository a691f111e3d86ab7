import { asArsiaError } from '../../core/errors.ts';
import { securityHeaders } from '../../web/securityheaders.ts';
import { refuseRepeatedHeader } from './ambiguity.ts';
import { isLongUnread } from './body.ts';
import { logFailure, logRequest, type RequestLog } from './log.ts';
import type { ReadOrigin } from './origin.ts';
import { problemOf } from './problem.ts';
import type { Answer, Arrival, Handler, HttpRequest, Reply } from './request.ts';

export interface KernelParts {
  log: RequestLog;
  readOrigin: ReadOrigin;
}

/**
 * Answers a request of any kind by `handle`. What all answers have in common is here and nowhere else: the request id, the
 * security headers, the refusal of ambiguous messages, errors as problem JSON, the log line. Never throws.
 */
export async function answerRequest(
  { log, readOrigin }: KernelParts,
  arrival: Arrival,
  handle: Handler,
): Promise<Reply> {
  const started = performance.now();
  const { message, response, path, querystring } = arrival;
  const origin = readOrigin(message);
  const { request_id } = origin;
  const headers: Record<string, string> = { 'x-request-id': request_id, ...securityHeaders };
  const request: HttpRequest = { message, response, path, querystring, params: {}, origin, headers, logged: {} };
  let answer: Answer;
  try {
    refuseRepeatedHeader(request);
    answer = await handle(request);
  } catch (thrown) {
    answer = answerError(log, request, thrown);
  }
  logRequest(log, { request_id, method: message.method!, status: answer.status, started }, request.logged);
  return { status: answer.status, body: answer.body, headers };
}

function answerError(log: RequestLog, { message, headers, origin, logged }: HttpRequest, thrown: unknown): Answer {
  const error = asArsiaError(thrown);
  logged.error_code = error.code;
  const problem = problemOf(error, origin.request_id, message.headers.authorization);
  Object.assign(headers, problem.headers);
  // Node would read the rest of the body before the next request of the connection.
  if (isLongUnread(message)) headers.connection = 'close';
  logFailure(log, error, origin.request_id);
  return { status: problem.status, body: JSON.stringify(problem.body) };
}
