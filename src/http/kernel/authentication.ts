import { type ArsiaError, asArsiaError } from '../../core/errors.ts';
import type { LoggedFacts } from '../../core/loggedfacts.ts';
import type { Origin } from '../../core/origin.ts';
import { anonymous, type Caller } from '../../core/principals.ts';
import type { Callers } from '../../services/pipeline/callers.ts';
import { buildMissingJobTokenError, buildUnauthenticatedError } from '../../services/pipeline/rights.ts';
import type { Api, Route } from '../route.ts';

interface Parts {
  api: Pick<Api, 'pipeline'>;
  callers: Callers;
}

/** The sender of a request, before authentication is complete. */
interface Sender {
  origin: Origin;
  bearer: string | undefined;
  caller: Caller;
  logged: LoggedFacts;
}

/**
 * Refuses, with one record, a request without a token on a route that needs one. The body is not read, since it cannot open
 * the route.
 */
export async function refuseWithoutToken(
  { api }: Parts,
  route: Route,
  { origin, bearer, logged }: Omit<Sender, 'caller'>,
): Promise<void> {
  if (bearer !== undefined || route.bearer === 'none') return;
  logged.caller = anonymous;
  const error = route.bearer === 'job' ? buildMissingJobTokenError() : buildUnauthenticatedError();
  await api.pipeline.refuse(route.action, { origin, caller: anonymous }, error);
  throw error;
}

/**
 * Records a request that its route cannot read, and returns the error that answers it. A missing or dead token comes before
 * faults of the request. On routes for jobs the mint has not read the token yet, so it is read here.
 */
export async function refuseUnread(
  { api, callers }: Parts,
  route: Route,
  { origin, bearer, caller, logged }: Sender,
  thrown: unknown,
): Promise<ArsiaError> {
  const sender: Awaited<ReturnType<Callers['identifyJob']>> =
    route.bearer === 'job' ? await callers.identifyJob(bearer) : { caller };
  logged.caller = sender.caller;
  const error = sender.refusal ?? asArsiaError(thrown);
  await api.pipeline.refuse(route.action, { origin, caller: sender.caller }, error);
  return error;
}
