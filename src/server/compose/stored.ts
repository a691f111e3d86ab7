import type { Clock } from '../../core/clock.ts';
import { ArsiaError } from '../../core/errors.ts';
import type { Database } from '../../database/connections.ts';
import { type DatabaseOptions, openDatabase } from '../../database/database.ts';
import { type MigrationProgress, migrate } from '../../database/migrate.ts';
import { createAuditTrail } from '../../services/audit/trail.ts';
import { sweepFreedAudiences } from '../../services/identities/audiences.ts';
import { findIssuerConflict, storeFirstIssuer, verifyIssuer } from '../../services/issuing/installationissuer.ts';
import { auditKeyring, createKeyChangeRecorder } from '../../services/issuing/keys.ts';
import { endOverdueJobs } from '../../services/jobs/overdue.ts';
import type { Idempotency } from '../../services/pipeline/idempotency.ts';
import { createKeyring } from '../../signing/keysets/keyring.ts';
import { perKeySet } from '../../signing/keysets/keysets.ts';
import { watchKeys } from '../../signing/keysets/keywatch.ts';
import type { MakeSigningKey } from '../../signing/keysets/signingkeys.ts';
import { keepFresh } from '../../signing/keysets/upkeep.ts';
import { createSealer, type KeyEncryptionKey } from '../../signing/sealing/sealing.ts';
import { createSigningThreads } from '../../signing/signers/signingthreads.ts';
import { sweepAuthorityChanges } from '../../store/audit/authoritychanges.ts';
import { createArtifactStore } from '../../store/issuing/artifacts.ts';
import { createKeyStore } from '../../store/issuing/keys.ts';
import { loadSharedSecret } from '../../store/issuing/sharedsecrets.ts';
import { sweepPeople } from '../../store/people/userties.ts';
import { systemClock } from '../clock.ts';
import { type ClockWatch, createClockWatch } from '../clockwatch.ts';
import type { Config } from '../config/config.ts';
import type { SettingsFiles } from '../config/files.ts';
import type { Log } from '../log.ts';
import type { Purpose } from '../serving.ts';
import type { Timers } from '../timers.ts';
import { loadEmbeddedKey } from './embeddedkey.ts';

export interface Surroundings {
  clock: Clock;
  log: Log;
  /** Milliseconds of a monotonic clock, from any start. Default: the machine's. */
  monotonic?: () => number;
  /** Called with the path of a sealing key that this process created. */
  onNewSealingKey?: (path: string) => void;
  /** Makes signing keys. Default: a new pair from node:crypto. Tests take pairs from a stock, since each RSA pair costs 80 ms. */
  makeKey?: MakeSigningKey;
}

/** Milliseconds. */
const sweepInterval = 5 * 60 * 1000;
const overdueInterval = 20 * 1000;
const clockInterval = 10 * 1000;
const issuerInterval = 10 * 1000;
const keyWatchInterval = 2 * 1000;

export type Stored = Awaited<ReturnType<typeof composeStored>>;

/** Builds the database and what is stored in it: the audit, the keys and the shared secrets, with the sealer that opens them. */
export async function composeStored(config: Config, { sealingKey }: SettingsFiles, surroundings: Surroundings) {
  const { clock, log, monotonic = () => performance.now(), makeKey } = surroundings;
  const fatal = Promise.withResolvers<never>();
  const database = await openDatabaseOf(config.database, {
    onFault: (error) => log.warn({ err: error }, 'a database connection was lost'),
    onLockLost: fatal.reject,
  });
  const sealer = createSealer(sealingKey ?? (await embeddedSealingKey(config.database, database, surroundings)));
  const secret = (name: string) => () => loadSharedSecret({ database, sealer, random: clock.random }, name);
  const trail = createAuditTrail({ database, secret: secret('audit'), clock, interval: config.auditInterval, log });
  const threads = createSigningThreads({
    onFault: (fault) => log.error({ err: fault }, 'the signing threads ended: the pool signs'),
  });
  const keys = perKeySet((keySet) =>
    createKeyring({
      store: createKeyStore(database, createKeyChangeRecorder(trail.audit, clock)),
      sealer,
      clock,
      monotonic,
      keySet,
      ...(makeKey && { makeKey }),
      makeSigner: threads.makeSigner,
      onFault: (fault) => log.error({ err: fault, key_set: keySet.name }, 'the stored keys are not taken over'),
    }),
  );
  return {
    database,
    /** Rejects when a server must end: another process may have opened the embedded database, or the issuer was changed. */
    fatal: fatal.promise,
    fail: fatal.reject,
    threads,
    trail,
    artifacts: createArtifactStore({ database, sealer }),
    keys,
    /** The same keyrings for commands and timers: their refusals and failures are recorded too. */
    keyrings: perKeySet(({ name }) => auditKeyring(keys[name], trail.audit, clock)),
    watch: watchClock(database, log),
    cookies: createLoadedSecret(secret('cookies')),
    cursors: createLoadedSecret(secret('cursors')),
  };
}

/** Opens the database that the settings name. */
export function openDatabaseOf(
  { url, folder, poolSize }: Config['database'],
  options: Pick<DatabaseOptions, 'onFault' | 'onLockLost'>,
): Promise<Database> {
  return openDatabase({ ...(url === undefined ? { folder } : { url }), poolSize, ...options });
}

/** Watches the clock of the machine, even when tests give the other parts another clock: only the machine's can be wrong. */
function watchClock(database: Database, log: Log): ClockWatch {
  return createClockWatch({
    clock: systemClock,
    databaseNow: database.now,
    monotonic: () => performance.now(),
    onChange(fault) {
      if (fault === undefined) log.info('the clocks agree again: tokens are signed');
      else log.error({ fault }, 'no token is signed');
    },
  });
}

/**
 * Migrates the database, verifies the issuer, and loads keys, secrets and audit. Rejects with `unavailable` while the database is
 * away. A command stores no issuer: its environment may lack that of the servers.
 */
export async function openStored(
  config: Config,
  { database, watch, cookies, cursors, trail, keys }: Stored,
  purpose: Purpose,
): Promise<void> {
  await watch.compare();
  await bringUpToDate(config.database, database);
  if (purpose === 'server') await storeFirstIssuer(database.query, config.issuer);
  await verifyIssuer(database.query, config.issuer);
  await cookies.load();
  await cursors.load();
  await trail.open();
  for (const keyring of Object.values(keys)) await keyring.start();
}

/** Returns why a server with these parts is not ready: keys that are not loaded, clock skew, an unreachable database. */
export async function storedFault({ keys, watch }: Stored): Promise<string | undefined> {
  const unreadiness = () => Object.values(keys).flatMap((ring) => ring.unreadiness() ?? [])[0];
  if (Object.values(keys).some((ring) => ring.fault() !== undefined)) return unreadiness();
  return await watch.compare().then(
    () => watch.fault() ?? unreadiness(),
    () => 'the database is away',
  );
}

export async function closeStored({ threads, database }: Stored): Promise<void> {
  await threads.close();
  await database.close();
}

/** Starts the background tasks: key refresh, clock check, overdue jobs, audit checkpoints, sweeps. */
export function startTasks(
  timers: Timers,
  { database, fail, watch, trail, artifacts, keyrings, idempotency }: Stored & { idempotency: Idempotency },
  { auditInterval, issuer }: Config,
  { clock, log }: Surroundings,
): void {
  const logWarning = (message: string) => (thrown: unknown) => log.warn({ err: thrown }, message);
  const warnOfAudit = logWarning('the audit was not brought up to its checkpoint');
  timers.onStop(
    keepFresh(Object.values(keyrings), (thrown) => log.error({ err: thrown }, 'the keys were not refreshed')),
  );
  const checkKeys = watchKeys(Object.values(keyrings), log);
  timers.every(keyWatchInterval, async () => checkKeys());
  timers.every(clockInterval, () => watch.compare().catch(logWarning('the clocks were not compared')));
  timers.every(issuerInterval, () =>
    watchIssuer(database, issuer, fail).catch(logWarning('the issuer was not verified')),
  );
  timers.every(overdueInterval, async () => {
    await endOverdueJobs({ database, audit: trail.audit, clock }).catch(logWarning('overdue jobs were not ended'));
  });
  timers.every((auditInterval * 1000) / 2, () => trail.runRound().catch(warnOfAudit));
  // Must close last, so that the final checkpoint covers the events that the other shutdown steps record.
  timers.onStop(() => trail.close().catch(warnOfAudit));
  timers.every(sweepInterval, async () => {
    await artifacts.sweep(clock.now()).catch(logWarning('expired rows were not swept'));
    await idempotency.sweep().catch(logWarning('expired keys were not swept'));
    await sweepFreedAudiences(database.query, clock.now()).catch(logWarning('freed audiences were not swept'));
    await sweepPeople(database.query, new Date(clock.now())).catch(logWarning('expired ties were not swept'));
    await sweepAuthorityChanges(database.query).catch(logWarning('changes were not swept'));
  });
}

/** Calls `fail` when the issuer was changed: what this server signs is of no use to those who trust the new one. */
async function watchIssuer({ query }: Database, issuer: string, fail: (reason: ArsiaError) => void): Promise<void> {
  const conflict = await findIssuerConflict(query, issuer);
  if (conflict !== undefined) fail(conflict);
}

/** Closes the database when its key cannot be read, so that the process ends and releases the folder. */
async function embeddedSealingKey(
  { folder }: Config['database'],
  database: Database,
  { log, onNewSealingKey }: Surroundings,
): Promise<KeyEncryptionKey> {
  try {
    const { key, path, isNew } = await loadEmbeddedKey(folder, database);
    if (isNew) onNewSealingKey?.(path);
    log.info({ sealing_key_file: path }, isNew ? 'a sealing key was created' : 'the sealing key was read');
    return key;
  } catch (thrown) {
    await database.close();
    throw thrown;
  }
}

export type LoadedSecret = ReturnType<typeof createLoadedSecret>;

/** A secret shared by all replicas, stored sealed in the database and loaded at start. */
function createLoadedSecret(read: () => Promise<Uint8Array>) {
  let secret: Uint8Array | undefined;
  return {
    async load() {
      secret = await read();
    },
    current(): Uint8Array {
      if (secret === undefined) throw new ArsiaError('unavailable', 'The database was not reached yet.');
      return secret;
    },
  };
}

/** Applies the pending migrations, as the owner of the tables where the settings name one. Returns their names. */
export async function bringUpToDate(
  { migrationUrl, url }: Config['database'],
  database: Database,
  onProgress?: (progress: MigrationProgress) => void,
): Promise<string[]> {
  if (url === undefined) return await migrate(database, { onProgress });
  // By its URL: the connections of the server have short timeouts, and a migration of a large table takes longer.
  if (migrationUrl === undefined) return await migrate(url, { onProgress });
  return await migrate(migrationUrl, { grantTo: decodeURIComponent(new URL(url).username), onProgress });
}
