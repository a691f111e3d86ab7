import { ArsiaError } from '../../core/errors.ts';
import { decide, findLeastRole, type Membership, type Permission } from '../../core/permissions.ts';
import { listMembershipsOf } from '../../store/people/memberships.ts';
import type { Action, Context, Place } from './action.ts';

export function missing(noun: string, ref: string): ArsiaError {
  return new ArsiaError('not_found', `There is no ${noun} ${JSON.stringify(ref)}, or you may not see it.`);
}

/** Refuses a caller who may not perform the action there. */
export async function authorise<Found extends Place>(
  context: Context,
  action: Action<never, Found, unknown>,
  found: Found,
): Promise<void> {
  const { caller } = context;
  if (caller.kind === 'system' || action.needs === 'anyone') return;
  if (caller.kind === 'anonymous') throw unauthenticated();
  if (caller.kind === 'job') {
    if (action.opensToJob?.(found, caller) === true) return;
    // A job gets the same answer for other jobs and workspaces as for those that do not exist.
    throw refusal('not_found', 'namespace.view', found);
  }
  if (action.opensToOperator && caller.kind === 'user' && caller.is_operator) return;
  if (action.needs === 'operator') {
    if (caller.kind === 'user' && caller.is_operator) return;
    throw new ArsiaError('forbidden', 'This is for operators of the installation.', {
      advice: 'Run `arsia server admin link` on the server to become one.',
    });
  }
  if (action.needs === 'member') {
    const isOperator = caller.kind === 'user' && caller.is_operator;
    if (caller.organization_id === found.organization_id && (caller.organization_id !== null || isOperator)) return;
    throw refusal('not_found', 'namespace.view', found);
  }
  await context.demand(action.needs, found);
}

export async function decideFor(context: Context, permission: Permission, place: Place) {
  const { caller, db } = context;
  if (caller.kind === 'system') return 'allow' as const;
  if (caller.kind !== 'user' && caller.kind !== 'service_account') return 'not_found' as const;
  // An empty lineage names no place: an operator belongs to no organisation.
  if (place.lineage.length === 0) return 'not_found' as const;
  const memberships: Membership[] = await listMembershipsOf(db, caller.id, place.lineage);
  return decide(permission, place.lineage, memberships);
}

/** Returns the refusal of a request without an access token. */
export function unauthenticated(): ArsiaError {
  return new ArsiaError('unauthenticated', 'This needs an access token.', {
    advice: 'Send `Authorization: Bearer <access token>`; `arsia server bootstrap` prints the first one.',
  });
}

/** Returns the refusal of an action that names no place and is about the caller's organisation as a whole. */
function nowhere(): ArsiaError {
  return new ArsiaError('not_found', 'You have no role in the organisation.', {
    advice: 'Ask an owner of the organisation for a role on its root group.',
  });
}

export function notForJobs(): ArsiaError {
  return new ArsiaError(
    'forbidden',
    'A job token opens only tokens, credentials, its own job and the identities of its workspace.',
    { advice: 'Use an access token of a person or a service account for this.' },
  );
}

export function refusal(decision: 'not_found' | 'forbidden', permission: Permission, place: Place): ArsiaError {
  if (decision === 'not_found') return place.named ? missing(place.named.noun, place.named.ref) : nowhere();
  const role = findLeastRole(permission);
  return new ArsiaError('forbidden', `This needs the permission ${permission}.`, {
    advice: `Ask an owner for the role ${role} here.`,
  });
}
