import type { Database } from '../../database/connections.ts';
import type { ArtifactSealer } from './artifacts.ts';

/**
 * Returns a secret that all replicas of an installation share, stored sealed. The first replica that asks creates it, and it
 * stays the same over restarts. Throws `unavailable` while the database cannot be reached.
 */
export async function loadSharedSecret(
  parts: { database: Database; sealer: ArtifactSealer; random(bytes: number): Uint8Array },
  name: string,
): Promise<Uint8Array> {
  const { database, sealer, random } = parts;
  const context = { table: 'shared_secrets', row: name, purpose: 'secret' };
  const find = () =>
    database.query.selectFrom('shared_secrets').select('sealed').where('name', '=', name).executeTakeFirst();
  if ((await find()) === undefined)
    await database.query
      .insertInto('shared_secrets')
      .values({ name, sealed: await sealer.seal(random(32), context) })
      .onConflict((conflict) => conflict.column('name').doNothing())
      .execute();
  return await sealer.open((await find())!.sealed, context);
}
