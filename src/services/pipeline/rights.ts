import { ArsiaError } from '../../core/errors.ts';
import { decide, findLeastRole, type Membership, type Permission } from '../../core/permissions.ts';
import type { Caller } from '../../core/principals.ts';
import { listMembershipsOf } from '../../store/people/memberships.ts';
import type { Action, Context, Place } from './action.ts';

/** Builds the refusal of a thing that does not exist or that the caller may not see. The text is the same for both. */
export function buildNotFoundError(noun: string, ref: string): ArsiaError {
  return new ArsiaError('not_found', `There is no ${noun} ${JSON.stringify(ref)}, or you may not see it.`);
}

/** Throws `not_found`, `forbidden` or `unauthenticated` where the caller may not perform the action there. */
export async function authorise<Found extends Place>(
  context: Context,
  action: Action<never, Found, unknown>,
  found: Found,
): Promise<void> {
  const { caller } = context;
  if (caller.kind === 'system' || action.needs === 'anyone') return;
  if (caller.kind === 'anonymous') throw buildUnauthenticatedError();
  if (caller.kind === 'job') {
    if (action.opensToJob?.(found, caller) === true) return;
    // A job gets the same answer for other jobs and workspaces as for ones that do not exist.
    throw buildRefusalError('not_found', 'namespace.view', found);
  }
  if (action.needs === 'job') throw buildMissingJobTokenError();
  if (action.opensToOperator && isOperator(caller)) return;
  if (action.needs === 'operator') {
    if (isOperator(caller)) return;
    throw new ArsiaError('forbidden', 'Only operators of the installation may do this.', {
      advice: 'Run `arsia server admin link` on the server to become one.',
    });
  }
  if (action.needs === 'member') {
    if (caller.organization_id === found.organization_id && (caller.organization_id !== null || isOperator(caller)))
      return;
    throw buildRefusalError('not_found', 'namespace.view', found);
  }
  await context.demand(action.needs, found);
}

export function isOperator(caller: Caller): caller is Caller & { kind: 'user' } {
  return caller.kind === 'user' && caller.is_operator;
}

/** Decides by the roles of the caller and its teams along the lineage of the place. */
export async function decideForCaller(context: Context, permission: Permission, place: Place) {
  const { caller, db } = context;
  if (caller.kind === 'system') return 'allow' as const;
  if (caller.kind !== 'user' && caller.kind !== 'service_account') return 'not_found' as const;
  // An empty lineage is no place in an organisation: operators belong to none.
  if (place.lineage.length === 0) return 'not_found' as const;
  const memberships: Membership[] = await listMembershipsOf(db, caller.id, place.lineage);
  return decide(permission, place.lineage, memberships);
}

/** Builds the refusal of a request without an access token. */
export function buildUnauthenticatedError(): ArsiaError {
  return new ArsiaError('unauthenticated', 'This needs an access token.', {
    advice: 'Send `Authorization: Bearer <access token>`; `arsia server bootstrap` prints the first one.',
  });
}

/** Builds the refusal of a request without a token on a route for jobs. */
export function buildMissingJobTokenError(): ArsiaError {
  return new ArsiaError('unauthenticated', 'This needs a job token.', {
    advice: 'Send the token in ARSIA_JOB_TOKEN (or the file ARSIA_JOB_TOKEN_FILE) as `Authorization: Bearer <token>`.',
  });
}

/** Builds the refusal of an action on the caller's organisation as a whole. */
function buildNoRoleError(): ArsiaError {
  return new ArsiaError('not_found', 'You have no role in the organisation.', {
    advice: 'Ask an owner of the organisation for a role on its root group.',
  });
}

export function buildNotForJobsError(): ArsiaError {
  return new ArsiaError(
    'forbidden',
    'A job token is valid only for tokens, credentials, its own job and the identities of its workspace.',
    { advice: 'Use an access token of a person or a service account for this.' },
  );
}

export function buildRefusalError(
  decision: 'not_found' | 'forbidden',
  permission: Permission,
  place: Place,
): ArsiaError {
  if (decision === 'not_found')
    return place.named ? buildNotFoundError(place.named.noun, place.named.ref) : buildNoRoleError();
  const role = findLeastRole(permission);
  return new ArsiaError('forbidden', `This needs the permission ${permission}.`, {
    advice: `Ask an owner for the role ${role} here.`,
  });
}
