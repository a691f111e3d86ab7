import type { Queries } from '../../database/connections.ts';
import type { Row } from '../../entities/entity.ts';
import { userTies } from '../../entities/userties.ts';

export interface UserTie extends Row<typeof userTies> {}

export async function insertUserTie(db: Queries, row: UserTie): Promise<void> {
  await db.insertInto('user_ties').values(row).execute();
}

/** Finds the tie of a user that was not used yet, expired or not. There is at most one. */
export async function findUserTie(db: Queries, user_id: string): Promise<UserTie | undefined> {
  return await db.selectFrom('user_ties').select(userTies.columns).where('user_id', '=', user_id).executeTakeFirst();
}

/** Lists the live ties for a person of an identity provider in all organisations, oldest first: by subject, and by address. */
export async function listUserTiesOf(
  db: Queries,
  { iss, sub, verified_email }: { iss: string; sub: string; verified_email: string | null },
  now: Date,
): Promise<UserTie[]> {
  const live = db
    .selectFrom('user_ties')
    .select(userTies.columns)
    .where('iss', '=', iss)
    .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', now)]));
  const found = [
    ...(await live.where('sub', '=', sub).execute()),
    ...(verified_email === null ? [] : await live.where('email', '=', verified_email).execute()),
  ];
  return found.sort((one, other) => (one.id < other.id ? -1 : 1));
}

/** Deletes a tie. Returns false where it is gone already: of concurrent calls one returns true. */
export async function takeUserTie(db: Queries, id: string): Promise<boolean> {
  const taken = await db.deleteFrom('user_ties').where('id', '=', id).executeTakeFirst();
  return taken.numDeletedRows > 0n;
}

export async function deleteUserTieOf(db: Queries, user_id: string): Promise<void> {
  await db.deleteFrom('user_ties').where('user_id', '=', user_id).execute();
}

/** Gives the tie of a user to another one that nobody signs in as and that has no tie. Returns the number of ties: 0 or 1. */
export async function moveUserTie(db: Queries, { from, into }: { from: string; into: string }): Promise<number> {
  const moved = await db
    .updateTable('user_ties')
    .set({ user_id: into })
    .where('user_id', '=', from)
    .where((eb) =>
      eb.not(
        eb.or([
          eb.exists(db.selectFrom('user_ties as own').select('own.id').where('own.user_id', '=', into)),
          eb.exists(db.selectFrom('user_identities').select('iss').where('user_identities.user_id', '=', into)),
        ]),
      ),
    )
    .executeTakeFirst();
  return Number(moved.numUpdatedRows);
}

/** Deletes the ties and the reservations of former logins that have expired. */
export async function sweepPeople(db: Queries, now: Date): Promise<void> {
  for (const table of ['user_ties', 'former_logins'] as const)
    await db.deleteFrom(table).where('expires_at', '<=', now).execute();
}
