import { type ArsiaError, asArsiaError } from '../../core/errors.ts';
import type { Origin } from '../../core/origin.ts';
import { anonymous, type Caller } from '../../core/principals.ts';
import { withoutJobToken } from '../../services/pipeline/callers.ts';
import { unauthenticated } from '../../services/pipeline/rights.ts';
import type { AppParts } from '../parts.ts';
import type { Route } from '../route.ts';

type Parts = Pick<AppParts, 'callers' | 'pipeline'>;

/** The sender of a request, before authentication is complete. */
interface Sender {
  origin: Origin;
  bearer: string | undefined;
  caller: Caller;
}

/**
 * Refuses, with one record, a request without a token on a route that needs one. The body is not read, since it cannot open
 * the route.
 */
export async function refuseWithoutToken(
  { pipeline }: Parts,
  route: Route,
  { origin, bearer }: Pick<Sender, 'origin' | 'bearer'>,
): Promise<void> {
  if (bearer !== undefined || route.bearer === 'none') return;
  const error = route.bearer === 'job' ? withoutJobToken() : unauthenticated();
  await pipeline.refuse(route.action, { origin, caller: anonymous }, error);
  throw error;
}

/**
 * Records a request that its route cannot read, and returns the error that answers it. A missing or dead token comes before
 * faults of the request. On routes for jobs the mint has not read the token yet, so it is read here.
 */
export async function refuseUnread(
  { callers, pipeline }: Parts,
  route: Route,
  { origin, bearer, caller }: Sender,
  thrown: unknown,
): Promise<ArsiaError> {
  const sender: Awaited<ReturnType<Parts['callers']['identifyJob']>> =
    route.bearer === 'job' ? await callers.identifyJob(bearer) : { caller };
  const error = sender.refusal ?? asArsiaError(thrown);
  await pipeline.refuse(route.action, { origin, caller: sender.caller }, error);
  return error;
}
