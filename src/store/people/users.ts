import { isId } from '../../core/ids.ts';
import type { Queries } from '../../database/connections.ts';
import { beginsWith, isAfterName, orderByName, type Page } from '../../database/page.ts';
import type { Changed, Row } from '../../entities/entity.ts';
import { users } from '../../entities/users.ts';

export interface User extends Row<typeof users> {}

/** Finds a user of the organisation by id or login. Null finds operators, who belong to no organisation. */
export async function findUser(db: Queries, organization_id: string | null, ref: string): Promise<User | undefined> {
  const by = isId('user', ref) ? 'id' : 'login';
  const query = db.selectFrom('users').select(users.columns).where(by, '=', ref);
  return await (organization_id === null
    ? query.where('organization_id', 'is', null)
    : query.where('organization_id', '=', organization_id)
  ).executeTakeFirst();
}

/** Finds a user of any organisation. For ids from Arsia's own tokens, links or rows, never for one from a request. */
export async function findUserById(db: Queries, id: string): Promise<User | undefined> {
  return await db.selectFrom('users').select(users.columns).where('id', '=', id).executeTakeFirst();
}

/** Lists the operators with this login, of any organisation or none. */
export async function listOperators(db: Queries, login: string): Promise<User[]> {
  return await db
    .selectFrom('users')
    .select(users.columns)
    .where('login', '=', login)
    .where('is_operator', '=', true)
    .orderBy('id')
    .execute();
}

export async function insertUser(db: Queries, row: User): Promise<void> {
  await db.insertInto('users').values(row).execute();
}

export async function updateUser(db: Queries, id: string, change: Changed<typeof users>): Promise<User> {
  return await db
    .updateTable('users')
    .set((eb) => ({ ...change, version: eb('version', '+', 1) }))
    .where('id', '=', id)
    .returning(users.columns)
    .executeTakeFirstOrThrow();
}

/** Deactivates a user, and revokes the operator right. */
export async function deactivateUser(db: Queries, id: string): Promise<void> {
  await db
    .updateTable('users')
    .set((eb) => ({ is_active: false, is_operator: false, version: eb('version', '+', 1) }))
    .where('id', '=', id)
    .execute();
}

/** Filters of a list of users or service accounts. */
export interface PrincipalFilter {
  /** The beginning of the login or name. The list is then ordered by it. */
  q?: string | undefined;
  is_active?: boolean | undefined;
}

/** Lists users. With `only`, lists this user alone. */
export async function listUsers(
  db: Queries,
  organization_id: string,
  page: Page,
  only?: string,
  { q, is_active }: PrincipalFilter = {},
): Promise<User[]> {
  const query = db
    .selectFrom('users')
    .select(users.columns)
    .where('organization_id', '=', organization_id)
    .$if(only !== undefined, (list) => list.where('id', '=', only!))
    .$if(is_active !== undefined, (list) => list.where('is_active', '=', is_active!))
    .limit(page.limit);
  return await (q === undefined
    ? query.where('id', '>', page.after ?? '').orderBy('id')
    : query
        .where(beginsWith('login', q))
        .where(isAfterName('login', 'id', page.after))
        .orderBy(orderByName('login'))
        .orderBy('id')
  ).execute();
}

export async function setOperator(db: Queries, id: string, is_operator: boolean): Promise<User> {
  return await db
    .updateTable('users')
    .set((eb) => ({ is_operator, version: eb('version', '+', 1) }))
    .where('id', '=', id)
    .returning(users.columns)
    .executeTakeFirstOrThrow();
}
