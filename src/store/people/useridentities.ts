import type { Selectable } from 'kysely';
import { columnsOf } from '../../database/columns.ts';
import type { Queries } from '../../database/connections.ts';
import type { Tables } from '../../database/tables.ts';
import { users } from '../../entities/users.ts';
import type { User } from './users.ts';

export type UserIdentity = Selectable<Tables['user_identities']>;

/** A user with the name of their organisation; null for an operator of the installation. */
export type SignInUser = User & { organization: string | null };

/**
 * Lists the users that a subject of an identity provider signs in as, active or not: at most one in each organisation.
 * (iss, sub) is the only key (OpenID Connect Core 1.0, section 5.7).
 */
export async function listSignInUsers(db: Queries, iss: string, sub: string): Promise<SignInUser[]> {
  return await db
    .selectFrom('user_identities')
    .innerJoin('users', 'users.id', 'user_identities.user_id')
    .leftJoin('namespaces', 'namespaces.id', 'users.organization_id')
    .select([...columnsOf(users, 'users'), 'namespaces.path as organization'])
    .where('user_identities.iss', '=', iss)
    .where('user_identities.sub', '=', sub)
    .orderBy('users.id')
    .execute();
}

/** Saves the time and the e-mail address of a sign-in. */
export async function saveUserIdentity(db: Queries, row: UserIdentity): Promise<void> {
  await db
    .insertInto('user_identities')
    .values(row)
    .onConflict((conflict) =>
      conflict.columns(['iss', 'sub', 'user_id']).doUpdateSet({ email: row.email, signed_in_at: row.signed_in_at }),
    )
    .execute();
}

/** Lists the users of an organisation, not deleted, whose person signed in last with this verified address. */
export async function listUsersByAddress(db: Queries, organization_id: string, email: string): Promise<User[]> {
  return await db
    .selectFrom('user_identities')
    .innerJoin('users', 'users.id', 'user_identities.user_id')
    .select(columnsOf(users, 'users'))
    .distinct()
    .where('user_identities.email', '=', email)
    .where('users.organization_id', '=', organization_id)
    .orderBy('users.id')
    .execute();
}

/** Lists the links between subjects of identity providers and users: those of a user, or those of a subject. */
export async function listUserIdentities(
  db: Queries,
  by: { user_id: string } | { iss: string; sub: string },
): Promise<UserIdentity[]> {
  const query = db
    .selectFrom('user_identities')
    .select(['iss', 'sub', 'user_id', 'email', 'created_at', 'signed_in_at'])
    .orderBy('user_id');
  return await ('user_id' in by
    ? query.where('user_id', '=', by.user_id)
    : query.where('iss', '=', by.iss).where('sub', '=', by.sub)
  ).execute();
}

/**
 * Deletes the links of a user to subjects of identity providers. Sign-in as this user is then impossible, and the person can
 * become another user of the organisation by an invitation.
 */
export async function deleteUserIdentities(db: Queries, user_id: string): Promise<void> {
  await db.deleteFrom('user_identities').where('user_id', '=', user_id).execute();
}

/** Deletes the sessions, grants, refresh tokens and access tokens of a user or service account. */
export async function endSignIns(db: Queries, principal_id: string): Promise<void> {
  await db.deleteFrom('oidc_artifacts').where('principal_id', '=', principal_id).execute();
}
