import type { Clock } from '../../core/clock.ts';
import { ArsiaError } from '../../core/errors.ts';
import type { Action, Call, Context, IfMatch, Place } from './action.ts';
import { createContext, type DatabaseScope } from './context.ts';
import { buildEvent } from './records.ts';
import type { Audit } from './refusals.ts';
import { authorise, buildNotForJobsError, buildUnauthenticatedError } from './rights.ts';

/** The progress of a request, for the record of a refusal: the action, and its place once that is found. */
export interface Attempt {
  action: string;
  found?: Place | undefined;
}

/** Finds, authorises and runs an action, and records a change. */
export async function attemptAction<Input, Found extends Place, Result>(
  { audit, clock }: { audit: Audit; clock: Clock },
  scope: DatabaseScope,
  { action, call, input }: { action: Action<Input, Found, Result>; call: Call; input: Input },
  attempted: Attempt,
): Promise<Result> {
  const context = createContext(scope, call, clock, action.adds);
  const found = await findAndAuthorise(context, action, input, attempted);
  refuseStale(call.if_match, action.version?.(found));
  const result = await action.run(context, input, found);
  if (action.changes) {
    const described = action.describe?.(input, found, result) ?? {};
    const event = buildEvent(clock, call, action.name, found, { outcome: 'success', ...described });
    const further = action.describeFurther?.(input, found, result) ?? [];
    const events = further.map((more) =>
      buildEvent(clock, call, more.action, found, { outcome: 'success', parent_id: event.id, ...more }),
    );
    await audit.insert(scope.db, event, ...events);
  }
  return result;
}

/** Finds the place of an action and authorises the caller on it. */
export async function findAndAuthorise<Input, Found extends Place>(
  context: Context,
  action: Action<Input, Found, unknown>,
  input: Input,
  attempted: Attempt,
): Promise<Found> {
  const { caller } = context;
  Object.assign(attempted, { action: action.name, found: undefined });
  // Checked before any lookup: a caller who did not authenticate learns nothing about what exists.
  if (caller.kind === 'anonymous' && action.needs !== 'anyone') throw buildUnauthenticatedError();
  if (caller.kind === 'job' && action.opensToJob === undefined) throw buildNotForJobsError();
  const found = await action.find(context, input);
  attempted.found = found;
  await authorise(context, action, found);
  return found;
}

function refuseStale(if_match: IfMatch | undefined, version: number | undefined): void {
  if (if_match === undefined || if_match === 'any') return;
  if (version === undefined)
    throw new ArsiaError('precondition_failed', 'This resource has no version, so `If-Match` never matches.', {
      advice: 'Send the request without `If-Match`.',
    });
  if (!if_match.includes(version))
    throw new ArsiaError('precondition_failed', `The resource was changed meanwhile: it is now at version ${version}.`);
}
