import type { Selectable } from 'kysely';
import type { Queries } from './database.ts';
import type { User } from './principals.ts';
import type { Tables } from './tables.ts';

export type UserIdentity = Selectable<Tables['user_identities']>;

/** The user behind a person of an identity provider; (iss, sub) is the only key (OpenID Connect Core 1.0, section 5.7). */
export async function findSignedInUser(db: Queries, iss: string, sub: string): Promise<User | undefined> {
  return await db
    .selectFrom('user_identities')
    .innerJoin('users', 'users.id', 'user_identities.user_id')
    .select([
      'users.id',
      'users.organization_id',
      'users.login',
      'users.display_name',
      'users.is_operator',
      'users.is_active',
      'users.created_at',
      'users.version',
    ])
    .where('user_identities.iss', '=', iss)
    .where('user_identities.sub', '=', sub)
    .executeTakeFirst();
}

/** Keeps when and with which address somebody was last here. */
export async function saveUserIdentity(db: Queries, row: UserIdentity): Promise<void> {
  await db
    .insertInto('user_identities')
    .values(row)
    .onConflict((conflict) =>
      // Never `user_id`: who a person is does not change by signing in.
      conflict.columns(['iss', 'sub']).doUpdateSet({ email: row.email, signed_in_at: row.signed_in_at }),
    )
    .execute();
}

/** Everything that a user or service account holds of the authorization server: sessions, grants, refresh and access tokens. */
export async function endSignIns(db: Queries, principal_id: string): Promise<void> {
  await db.deleteFrom('oidc_artifacts').where('principal_id', '=', principal_id).execute();
}
