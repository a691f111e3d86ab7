import { join } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import { ArsiaError } from '../../core/errors.ts';
import type { Database } from '../../database/connections.ts';
import { openDatabase } from '../../database/database.ts';
import { migrate } from '../../database/migrate.ts';
import { createAuditTrail } from '../../services/audit/trail.ts';
import { sweepFreedAudiences } from '../../services/identities/audiences.ts';
import { auditedKeyring, keyChangeRecords } from '../../services/issuing/keys.ts';
import { endOverdueJobs } from '../../services/jobs/overdue.ts';
import type { Idempotency } from '../../services/pipeline/idempotency.ts';
import { createKeyring } from '../../signing/keysets/keyring.ts';
import { perKeySet } from '../../signing/keysets/keysets.ts';
import { watchKeys } from '../../signing/keysets/keywatch.ts';
import { keepFresh } from '../../signing/keysets/upkeep.ts';
import { createSealer, type KeyEncryptionKey } from '../../signing/sealing/sealing.ts';
import { makeSealingKeyFile, readSealingKeyFile } from '../../signing/sealing/sealingkeyfile.ts';
import { createSigningThreads } from '../../signing/signers/signingthreads.ts';
import { sweepAuthorityChanges } from '../../store/audit/authoritychanges.ts';
import { createArtifactStore } from '../../store/issuing/artifacts.ts';
import { createKeyStore } from '../../store/issuing/keys.ts';
import { sharedSecret } from '../../store/issuing/sharedsecrets.ts';
import { systemClock } from '../clock.ts';
import { type ClockWatch, createClockWatch } from '../clockwatch.ts';
import type { Config } from '../config/config.ts';
import type { SettingsFiles } from '../config/files.ts';
import type { Log } from '../log.ts';
import type { Timers } from '../timers.ts';

export interface Surroundings {
  clock: Clock;
  log: Log;
  /** Milliseconds from any beginning, by a clock that is never set. */
  monotonic?: () => number;
}

/** Milliseconds. */
const sweepInterval = 5 * 60 * 1000;
const overdueInterval = 20 * 1000;
const clockInterval = 10 * 1000;
const keyWatchInterval = 2 * 1000;

export type Stored = Awaited<ReturnType<typeof composeStored>>;

/** Builds what lies in the database: the database, the audit, the keys, and what seals them. */
export async function composeStored(config: Config, { sealingKey }: SettingsFiles, surroundings: Surroundings) {
  const { clock, log, monotonic = () => performance.now() } = surroundings;
  const sealer = createSealer(sealingKey ?? (await embeddedSealingKey()));
  const { url, folder, poolSize } = config.database;
  const lost = Promise.withResolvers<never>();
  const database = await openDatabase({
    ...(url === undefined ? { folder } : { url }),
    poolSize,
    onFault: (error) => log.warn({ err: error }, 'a database connection was lost'),
    onLockLost: lost.reject,
  });
  const secret = (name: string) => () => sharedSecret({ database, sealer, random: clock.random }, name);
  const trail = createAuditTrail({ database, secret: secret('audit'), clock, interval: config.auditInterval, log });
  const threads = createSigningThreads({
    onFault: (fault) => log.error({ err: fault }, 'the signing threads ended: the pool signs'),
  });
  const keys = perKeySet((keySet) =>
    createKeyring({
      store: createKeyStore(database, keyChangeRecords(trail.audit, clock)),
      sealer,
      clock,
      monotonic,
      keySet,
      makeSigner: threads.makeSigner,
      onFault: (fault) => log.error({ err: fault, key_set: keySet.name }, 'the stored keys are not taken over'),
    }),
  );
  return {
    database,
    lost: lost.promise,
    threads,
    trail,
    artifacts: createArtifactStore({ database, sealer }),
    keys,
    /** The same keyrings for people and timers: refusals and failures of theirs are recorded as well. */
    keyrings: perKeySet(({ name }) => auditedKeyring(keys[name], trail.audit, clock)),
    watch: watchClock(database, log),
    cookies: createHeldSecret(secret('cookies')),
    cursors: createHeldSecret(secret('cursors')),
  };
}

/**
 * Watches the machine's own clock, also where the rest is given another one: the machine's is the one that can be set wrong.
 */
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

/** Brings the database up to date and loads what is kept of it. Rejects with `unavailable` while it is away. */
export async function openStored(
  config: Config,
  { database, watch, cookies, cursors, trail, keys }: Stored,
): Promise<void> {
  await watch.look();
  await bringUpToDate(config, database);
  await cookies.load();
  await cursors.load();
  await trail.open();
  for (const keyring of Object.values(keys)) await keyring.start();
}

/** Starts the background tasks: key refresh, clock check, overdue jobs, audit checkpoints, sweeps. */
export function startTasks(
  timers: Timers,
  { database, watch, trail, artifacts, keyrings, idempotency }: Stored & { idempotency: Idempotency },
  { auditInterval }: Config,
  { clock, log }: Surroundings,
): void {
  const orWarn = (message: string) => (thrown: unknown) => log.warn({ err: thrown }, message);
  const notKept = orWarn('the audit was not brought up to its checkpoint');
  timers.until(
    keepFresh(Object.values(keyrings), (thrown) => log.error({ err: thrown }, 'the keys were not refreshed')),
  );
  const lookAtKeys = watchKeys(Object.values(keyrings), log);
  timers.every(keyWatchInterval, async () => lookAtKeys());
  timers.every(clockInterval, () => watch.look().catch(orWarn('the clocks were not compared')));
  timers.every(overdueInterval, async () => {
    await endOverdueJobs({ database, audit: trail.audit, clock }).catch(orWarn('overdue jobs were not ended'));
  });
  timers.every((auditInterval * 1000) / 2, () => trail.round().catch(notKept));
  // Must close last, so that the final checkpoint covers the events that the other shutdown steps record.
  timers.until(() => trail.close().catch(notKept));
  timers.every(sweepInterval, async () => {
    await artifacts.sweep(clock.now()).catch(orWarn('expired rows were not swept'));
    await idempotency.sweep().catch(orWarn('expired keys were not swept'));
    await sweepFreedAudiences(database.query, clock.now()).catch(orWarn('freed audiences were not swept'));
    await sweepAuthorityChanges(database.query).catch(orWarn('changes were not swept'));
  });
}

/** Without ARSIA_SEALING_KEY_FILE: created on first start in `keys/`, outside ARSIA_DATA. */
async function embeddedSealingKey(): Promise<KeyEncryptionKey> {
  const path = join('keys', 'sealing.key');
  await makeSealingKeyFile(path);
  return readSealingKeyFile(path);
}

export type HeldSecret = ReturnType<typeof createHeldSecret>;

/** A secret shared by all replicas, stored sealed in the database and loaded at start. */
function createHeldSecret(read: () => Promise<Uint8Array>) {
  let held: Uint8Array | undefined;
  return {
    async load() {
      held = await read();
    },
    current(): Uint8Array {
      if (held === undefined) throw new ArsiaError('unavailable', 'The database was not reached yet.');
      return held;
    },
  };
}

async function bringUpToDate({ database: { migrationUrl, url } }: Config, database: Database): Promise<void> {
  if (migrationUrl === undefined || url === undefined) await migrate(database);
  else await migrate(migrationUrl, { grantTo: decodeURIComponent(new URL(url).username) });
}
