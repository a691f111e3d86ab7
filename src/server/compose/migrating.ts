import type { MigrationProgress } from '../../database/migrate.ts';
import type { Config } from '../config/config.ts';
import { bringUpToDate, openDatabaseOf } from './stored.ts';

/** Brings the database to the schema of this release and opens nothing else. Returns the names of the migrations applied. */
export async function migrateAlone(
  { database: settings }: Config,
  onProgress: (progress: MigrationProgress) => void,
): Promise<string[]> {
  const database = await openDatabaseOf(settings, {});
  try {
    return await bringUpToDate(settings, database, onProgress);
  } finally {
    await database.close();
  }
}
