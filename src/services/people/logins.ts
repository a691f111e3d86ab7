import { ArsiaError } from '../../core/errors.ts';
import { loginTombstone } from '../../core/lifetimes.ts';
import { findLoginHolder, freeFormerLogin, freeLoginOfDeleted, type LoginHolder } from '../../store/people/logins.ts';
import type { User } from '../../store/people/users.ts';
import type { Context } from '../pipeline/action.ts';

/**
 * Makes a login free for a new user, or for `claimer`, who gets it by a rename. Throws `conflict` where another user has
 * it, or had it within the last 30 days: tokens, session names and logs that name it must not mean another person
 * (docs/decisions/0036).
 */
export async function claimLogin(
  context: Context,
  organization_id: string | null,
  login: string,
  claimer?: User,
): Promise<void> {
  const holder = await findLoginHolder(context.db, organization_id, login);
  if (holder === undefined) return;
  const free_at = computeFreeTime(holder);
  if (free_at === undefined) throw buildTakenError(login);
  const isOwn = claimer !== undefined && [holder.user_id, holder.merged_into].includes(claimer.id);
  if (!isOwn && free_at > context.now) throw buildReservedError(login, holder, new Date(free_at));
  if (holder.expires_at === null) await freeLoginOfDeleted(context.db, holder.user_id);
  else await freeFormerLogin(context.db, organization_id!, login);
}

export async function isLoginFree(context: Context, organization_id: string, login: string): Promise<boolean> {
  try {
    await claimLogin(context, organization_id, login);
    return true;
  } catch (thrown) {
    if (thrown instanceof ArsiaError && thrown.code === 'conflict') return false;
    throw thrown;
  }
}

/** Returns when anybody may get the login, in milliseconds since 1970; undefined while its user exists. */
function computeFreeTime({ deleted_at, expires_at }: LoginHolder): number | undefined {
  if (expires_at !== null) return expires_at.getTime();
  return deleted_at === null ? undefined : deleted_at.getTime() + loginTombstone * 1000;
}

function buildTakenError(login: string): ArsiaError {
  return new ArsiaError('conflict', `There is already a user with the login ${login}.`, {
    advice: 'Choose another login.',
    fields: [{ pointer: '/login', detail: 'is already used' }],
  });
}

function buildReservedError(login: string, { user_id, merged_into }: LoginHolder, free_at: Date): ArsiaError {
  const day = free_at.toISOString().slice(0, 10);
  return new ArsiaError('conflict', `The login ${login} was that of ${user_id}, and is reserved until ${day}.`, {
    advice: `Choose another login${merged_into === null ? '' : `, or give this one to ${merged_into}, which took over that user`}. Tokens and logs of the last 30 days name the former user by it.`,
    fields: [{ pointer: '/login', detail: `is reserved until ${day}` }],
  });
}
