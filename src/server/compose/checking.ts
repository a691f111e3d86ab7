import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { asArsiaError } from '../../core/errors.ts';
import { computeActivationTime } from '../../core/keystates.ts';
import { errorCode } from '../../core/thrown.ts';
import { openDatabase } from '../../database/database.ts';
import { pendingMigrations } from '../../database/migrate.ts';
import { findIssuerConflict } from '../../services/issuing/installationissuer.ts';
import { createKeyStore } from '../../store/issuing/keys.ts';
import { hasSealedRows } from '../../store/issuing/sealedrows.ts';
import type { Config } from '../config/config.ts';
import { readSettingsFiles, type SettingsFiles } from '../config/files.ts';
import { describeMissingDatabase, describeMissingKey, embeddedSealingKeyPath } from './embeddedkey.ts';
import { composeStored, openDatabaseOf, type Stored, type Surroundings } from './stored.ts';

export interface Finding {
  subject: string;
  isRight: boolean;
  /** One line without secrets: the state, or the fault and what to do. */
  detail: string;
}

/**
 * Checks what a server needs at its next start: settings, issuer, database, schema, keys. Changes
 * nothing, and creates no database and no key. Ends with the first failed check that later checks depend on.
 */
export async function* checkInstallation(config: Config, surroundings: Surroundings): AsyncGenerator<Finding> {
  yield right('settings', 'valid, with the files that they name');
  yield right('issuer', `${config.issuer}, ${config.tenancy} tenancy`);
  yield right(
    'sign-in',
    config.signIn?.issuer ?? 'off: without ARSIA_SIGN_IN_ISSUER people cannot sign in with a browser',
  );
  const opened = await openInstallation(config, await readSettingsFiles(config), surroundings);
  if ('isRight' in opened) return yield opened;
  try {
    yield* checkStored(config, opened);
  } finally {
    await opened.threads.close();
    await opened.database.close();
  }
}

/** Returns the finding that ends the check where the database cannot be opened: it is missing, or another process has it. */
async function openInstallation(
  config: Config,
  files: SettingsFiles,
  surroundings: Surroundings,
): Promise<Stored | Finding> {
  try {
    return (await missingInstallation(config)) ?? (await composeStored(config, files, surroundings));
  } catch (thrown) {
    return describeThrown('database', thrown);
  }
}

/** Finds a missing embedded database or key. The other checks would create them. */
async function missingInstallation({ database: settings, sealingKeyFile }: Config): Promise<Finding | undefined> {
  const { url, folder } = settings;
  if (url !== undefined) return undefined;
  const missing = describeMissingDatabase(settings);
  if (missing !== undefined) return wrong('database', missing);
  const key = embeddedSealingKeyPath(folder);
  if (sealingKeyFile !== undefined || existsSync(key)) return undefined;
  const database = await openDatabaseOf(settings, {});
  try {
    if (await hasSealedRows(database)) return wrong('database', describeMissingKey(folder));
    return right(
      'database',
      `embedded, in ${resolve(folder)}; the first start creates its sealing key ${resolve(key)}`,
    );
  } finally {
    await database.close();
  }
}

async function* checkStored(config: Config, stored: Stored): AsyncGenerator<Finding> {
  const database = await finding('database', async () => {
    await stored.watch.compare();
    const fault = stored.watch.fault();
    return fault === undefined ? right('database', describeDatabase(config)) : wrong('database', fault);
  });
  yield database;
  if (!database.isRight) return;
  const { migrationUrl } = config.database;
  if (migrationUrl !== undefined) {
    const owner = await finding('database', () => checkMigrationRole(migrationUrl));
    yield owner;
    if (!owner.isRight) return;
  }
  const schema = await finding('schema', async () => {
    const pending = await pendingMigrations(stored.database);
    if (pending.length === 0) return right('schema', 'that of this release');
    return wrong(
      'schema',
      `${pending.length} migrations are pending, first ${pending[0]}: run \`arsia server migrate\``,
    );
  });
  yield schema;
  if (!schema.isRight) return;
  const conflict = await findIssuerConflict(stored.database.query, config.issuer);
  if (conflict !== undefined) return yield wrong('issuer', `${conflict.message} ${conflict.advice}`);
  for (const keyring of Object.values(stored.keys)) yield await finding('keys', () => checkKeys(keyring, stored));
}

/** A start migrates as this role, also where nothing is pending. */
async function checkMigrationRole(url: string): Promise<Finding> {
  const database = await openDatabase({ url, poolSize: 1 });
  try {
    await database.now();
    return right('database', `PostgreSQL at ${placeOf(url)} answers the role of ARSIA_MIGRATION_DATABASE_URL`);
  } finally {
    await database.close();
  }
}

async function checkKeys(keyring: Stored['keys'][keyof Stored['keys']], { database }: Stored): Promise<Finding> {
  const { name } = keyring.keySet;
  const { keys: rows } = await createKeyStore(database, async () => {}).load(name);
  if (rows.length === 0) return right('keys', `${name}: none yet, the first start makes them`);
  await keyring.reload();
  const fault = keyring.fault();
  if (fault !== undefined) return wrong('keys', fault.message);
  const states = keyring.current().keys.map((key) => {
    const from = key.state === 'next' ? ` (may sign from ${new Date(computeActivationTime(key)).toISOString()})` : '';
    return `${key.state} ${key.kid}${from}`;
  });
  return right('keys', `${name}: ${states.join(', ')}`);
}

/** Returns host and name of the database, never a password. */
function describeDatabase({ database: { url, folder }, sealingKeyFile }: Config): string {
  const key = resolve(sealingKeyFile ?? embeddedSealingKeyPath(folder));
  if (url === undefined) return `embedded, in ${resolve(folder)}, with the sealing key ${key}; the clocks agree`;
  return `PostgreSQL at ${placeOf(url)}; the clocks agree`;
}

function placeOf(url: string): string {
  const { host, pathname } = new URL(url);
  return `${host}${pathname}`;
}

async function finding(subject: string, check: () => Promise<Finding>): Promise<Finding> {
  try {
    return await check();
  } catch (thrown) {
    return describeThrown(subject, thrown);
  }
}

function describeThrown(subject: string, thrown: unknown): Finding {
  const error = asArsiaError(thrown);
  // An error without a code comes from the driver or a migration. Its message names the fault in one line.
  if (error.code === 'internal' && thrown instanceof Error) return wrong(subject, thrown.message);
  return wrong(subject, [error.message, reasonOf(error.cause)].filter((text) => text !== undefined).join(' '));
}

/**
 * Returns what the driver says about a database that cannot be used: who or what is refused, unknown or away. Such a message
 * names hosts, roles and databases, and no password. For a host with several addresses there is only a code.
 */
function reasonOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined;
  const reason = cause.message === '' ? errorCode(cause) : cause.message.split('\n')[0];
  return reason && `Reason: ${reason}`;
}

function right(subject: string, detail: string): Finding {
  return { subject, isRight: true, detail };
}

function wrong(subject: string, detail: string): Finding {
  return { subject, isRight: false, detail };
}
