import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Database } from '../../database/connections.ts';
import { hasEmbeddedDatabase } from '../../database/embedded.ts';
import type { KeyEncryptionKey } from '../../signing/sealing/sealing.ts';
import { makeSealingKeyFile, readSealingKeyFile } from '../../signing/sealing/sealingkeyfile.ts';
import { hasSealedRows } from '../../store/issuing/sealedrows.ts';
import type { Config } from '../config/config.ts';

/** The sealing key of an embedded database without ARSIA_SEALING_KEY_FILE: in `keys/` beside, never inside, ARSIA_DATA. */
export function embeddedSealingKeyPath(dataFolder: string): string {
  return join(dataFolder, '..', 'keys', 'sealing.key');
}

/** Returns one line where the settings name an embedded database that does not exist yet; undefined otherwise. */
export function describeMissingDatabase({ url, folder }: Config['database']): string | undefined {
  if (url !== undefined || hasEmbeddedDatabase(folder)) return undefined;
  return `There is no database in ${resolve(folder)} yet: \`arsia server bootstrap\` or \`arsia serve\` creates it.`;
}

export interface EmbeddedKey {
  key: KeyEncryptionKey;
  /** Absolute. */
  path: string;
  isNew: boolean;
}

/**
 * Reads the sealing key of an embedded database, and creates it where neither a key nor a sealed row exists. Throws an Error with
 * both paths when the database has sealed rows and no key: no other key opens them.
 */
export async function loadEmbeddedKey(dataFolder: string, database: Database): Promise<EmbeddedKey> {
  const path = embeddedSealingKeyPath(dataFolder);
  if (!existsSync(path) && (await hasSealedRows(database))) throw new Error(describeMissingKey(dataFolder));
  const isNew = await makeSealingKeyFile(path);
  return { key: await readSealingKeyFile(path), path: resolve(path), isNew };
}

/** Returns one line with the paths of the database and of its missing key, and with what to do. */
export function describeMissingKey(dataFolder: string): string {
  const path = resolve(embeddedSealingKeyPath(dataFolder));
  // Earlier releases kept it in the working directory.
  const former = resolve('keys', 'sealing.key');
  const advice = existsSync(former)
    ? `There is a key in ${former}, where earlier releases kept it: if it is the one of this database, run \`mkdir -p -m 700 ${resolve(path, '..')} && mv ${former} ${path}\`.`
    : 'Restore it from its backup, or name its place in ARSIA_SEALING_KEY_FILE.';
  return `The embedded database in ${resolve(dataFolder)} has secrets that a sealing key opens, and its key ${path} is missing. ${advice}`;
}
