import { join } from 'node:path';
import { type Clock, systemClock } from './clock.ts';
import { type ClockWatch, createClockWatch } from './clockwatch.ts';
import type { Config } from './config.ts';
import { ArsiaError } from './core/errors.ts';
import { anonymous } from './core/principals.ts';
import { createCursors } from './http/api/cursors.ts';
import { createApp } from './http/app.ts';
import { discoveryDocument } from './http/discovery.ts';
import type { Log } from './log.ts';
import type { SignInParts } from './oidc/ports.ts';
import { createAuthorizationServer } from './oidc/server.ts';
import { createUpstream } from './oidc/upstream/upstream.ts';
import { createCalls } from './providers/calls.ts';
import type { CloudEndpoints } from './providers/provider.ts';
import { createPipeline, type Pipeline } from './services/action.ts';
import { type AuditTrail, createAuditTrail } from './services/audittrail.ts';
import { createAuthorizationPorts } from './services/authorization.ts';
import { createCallers } from './services/callers.ts';
import { createExchange } from './services/exchange.ts';
import { createIdempotency, type Idempotency } from './services/idempotency.ts';
import { createIssuers } from './services/issuers.ts';
import { auditedKeyring, keyChangeRecords } from './services/keys.ts';
import { createMint } from './services/mint.ts';
import { createOperators, type Operators } from './services/operators.ts';
import { createOutsideExchange } from './services/outsidetokens.ts';
import { endOverdueJobs } from './services/overdue.ts';
import { createShares } from './services/shares.ts';
import { createSignIn } from './services/signin.ts';
import { createActionTable } from './services/table.ts';
import { createServing, type Serving } from './serving.ts';
import { readSettingsFiles, type SettingsFiles } from './settingsfiles.ts';
import { createKeyring, type Keyring } from './signing/keyring.ts';
import { createIssuerKeys } from './signing/outside/documents.ts';
import { createDocumentFetch } from './signing/outside/fetch.ts';
import { createOutsideVerifier } from './signing/outside/verify.ts';
import { createSealer, type KeyEncryptionKey } from './signing/sealing.ts';
import { makeSealingKeyFile, readSealingKeyFile } from './signing/sealingkeyfile.ts';
import { createTokenSigner } from './signing/tokensigner.ts';
import { keepFresh } from './signing/upkeep.ts';
import { createArtifactStore } from './store/artifacts.ts';
import { isReceipt } from './store/audit.ts';
import { sweepAuthorityChanges } from './store/authoritychanges.ts';
import { type Database, openDatabase } from './store/database.ts';
import { createKeyStore } from './store/keys.ts';
import { migrate } from './store/migrate.ts';
import { createMintFactsReader } from './store/mintfacts.ts';
import { sharedSecret } from './store/sharedsecrets.ts';
import { createTimers, type Timers } from './timers.ts';

export interface Arsia extends Serving {
  config: Config;
  operators: Operators;
  keyrings: { workload: Keyring; authorization: Keyring };
  trail: AuditTrail;
}

interface Surroundings {
  clock: Clock;
  log: Log;
}

/** Milliseconds. */
const sweepInterval = 5 * 60 * 1000;
const overdueInterval = 20 * 1000;
const clockInterval = 10 * 1000;

/** Builds each part once, in the order of dependency. */
export async function compose(config: Config, surroundings: Surroundings): Promise<Arsia> {
  const { clock, log } = surroundings;
  const { issuer, tenancy, allowLoopbackIssuers } = config;
  const files = await readSettingsFiles(config);
  const stored = await composeStored(config, files, surroundings);
  const { database, artifacts, trail, keys, keyrings, cookies, cursors, watch } = stored;
  const { audit } = trail;
  const issuers = createIssuers(issuer);
  const shares = createShares({ connections: config.database.poolSize, share: shareOf(config) });
  const pipeline = createPipeline({ database, audit, clock, shares });
  const idempotency = createIdempotency({ database, pipeline, clock });
  const reader = createMintFactsReader(database);
  const signer = createTokenSigner({ keyring: keys.workload, clock: watch.guard(clock), issuer, isReceipt });
  const mint = createMint({ reader, audit, keyring: keys.workload, signer, issuers, tenancy, clock });
  const endpoints = cloudEndpoints(config, files);
  const exchange = createExchange({ mint, audit, calls: cloudCalls(config, clock), endpoints, clock });
  const authorization = createAuthorizationServer({
    issuer,
    clock,
    log,
    artifacts,
    keys: keys.authorization,
    outside: createOutsideExchange({
      database,
      audit,
      artifacts,
      verifier: outsideVerifier(config, surroundings),
      clock,
    }),
    signIn: composeSignIn(config, files, {
      clock,
      pipeline,
      cookies,
      redeem: (...redemption) => operators.redeem(...redemption),
    }),
    ...createAuthorizationPorts({ database, audit, mint, clock }),
  });
  const { issueAccessToken } = authorization;
  const operators = createOperators({ pipeline, tenancy, now: clock.now, issueAccessToken });
  const timers = createTimers();
  const serving = createServing({
    config,
    log,
    timers,
    async open() {
      await openStored(config, stored);
      keepHouse(timers, { ...stored, idempotency }, config, surroundings);
    },
    async fault() {
      if (Object.values(keys).some((ring) => ring.fault() !== undefined))
        return 'the stored signing keys are not taken over: see the log';
      return await watch.look().then(watch.fault, () => 'the database is away');
    },
    close: () => database.close(),
    answering: (readiness) =>
      createApp({
        issuer,
        log,
        pipeline,
        authorization,
        callers: createCallers({ database, reader, artifacts, audit, clock }),
        cursors: createCursors(cursors.current),
        idempotency,
        api: {
          pipeline,
          actions: createActionTable({ issuers, issuer, tenancy, audit, endpoints, allowLoopbackIssuers }),
          mint,
          exchange,
          operators,
        },
        limits: config.limits,
        discovery: discoveryDocument(issuer),
        jwks() {
          const { jwks, etag } = keys.workload.current();
          return { body: jwks, etag, type: 'application/jwk-set+json' };
        },
        readiness,
      }),
  });
  return { ...serving, config, operators, keyrings, trail };
}

type Stored = Awaited<ReturnType<typeof composeStored>>;

/** What lies in the database, and what it is sealed with. */
async function composeStored(config: Config, { sealingKey }: SettingsFiles, { clock, log }: Surroundings) {
  const sealer = createSealer(sealingKey ?? (await embeddedSealingKey()));
  const { url, folder, poolSize } = config.database;
  const database = await openDatabase({
    ...(url === undefined ? { folder } : { url }),
    poolSize,
    onFault: (error) => log.warn({ err: error }, 'a database connection was lost'),
  });
  const secret = (name: string) => () => sharedSecret({ database, sealer, random: clock.random }, name);
  const trail = createAuditTrail({ database, secret: secret('audit'), clock, interval: config.auditInterval, log });
  const ring = (keySet: 'workload' | 'authorization') =>
    createKeyring({
      store: createKeyStore(database, keyChangeRecords(trail.audit, clock)),
      sealer,
      clock,
      keySet,
      alg: 'RS256',
      onFault: (fault) => log.error({ err: fault, key_set: keySet }, 'the stored keys are not taken over'),
    });
  const keys = { workload: ring('workload'), authorization: ring('authorization') };
  return {
    database,
    trail,
    artifacts: createArtifactStore({ database, sealer }),
    keys,
    /** The same, for people and timers: what they are refused, or fails, is recorded as well. */
    keyrings: {
      workload: auditedKeyring(keys.workload, trail.audit, clock),
      authorization: auditedKeyring(keys.authorization, trail.audit, clock),
    },
    watch: watchClock(database, log),
    cookies: createHeldSecret(secret('cookies')),
    cursors: createHeldSecret(secret('cursors')),
  };
}

/** The machine's own clock, whichever one the rest is given: what is set wrong is the machine. */
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

async function openStored(config: Config, { database, watch, cookies, cursors, trail, keys }: Stored): Promise<void> {
  await watch.look();
  await bringUpToDate(config, database);
  await cookies.load();
  await cursors.load();
  await trail.open();
  await keys.workload.start();
  await keys.authorization.start();
}

/** What is done beside the requests for as long as the server lives. */
function keepHouse(
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
  timers.every(clockInterval, () => watch.look().catch(orWarn('the clocks were not compared')));
  timers.every(overdueInterval, async () => {
    await endOverdueJobs({ database, audit: trail.audit, clock }).catch(orWarn('overdue jobs were not ended'));
  });
  timers.every((auditInterval * 1000) / 2, () => trail.round().catch(notKept));
  // After every other end: what those record is counted and covered too.
  timers.until(() => trail.close().catch(notKept));
  timers.every(sweepInterval, async () => {
    await artifacts.sweep(clock.now()).catch(orWarn('expired rows were not swept'));
    await idempotency.sweep().catch(orWarn('expired keys were not swept'));
    await sweepAuthorityChanges(database.query).catch(orWarn('changes were not swept'));
  });
}

function cloudEndpoints({ clouds }: Config, { extraCa }: SettingsFiles): CloudEndpoints {
  return {
    aws_sts: clouds.awsSts,
    azure_authority_hosts: clouds.azureAuthorityHosts,
    google_sts: clouds.googleSts,
    google_iam: clouds.googleIam,
    extra_ca: extraCa,
  };
}

/** The part of a shared place that one organisation may take. */
function shareOf({ tenancy }: Config): number {
  return tenancy === 'single' ? 1 : 0.5;
}

function cloudCalls(config: Config, clock: Clock) {
  const { clouds } = config;
  return createCalls({
    deadline_ms: clouds.deadline * 1000,
    share: shareOf(config),
    concurrency: clouds.concurrency,
    random: () => clock.random(4).reduce((sum, byte) => sum * 256 + byte, 0) / 2 ** 32,
  });
}

function outsideVerifier({ allowLoopbackIssuers }: Config, { clock, log }: Surroundings) {
  const fetch = createDocumentFetch({
    allowLoopback: allowLoopbackIssuers,
    onFault: (error, host) => log.warn({ err: error, host }, 'a document of an outside issuer was not fetched'),
  });
  return createOutsideVerifier({ keys: createIssuerKeys({ fetch, clock }), clock });
}

function composeSignIn(
  { issuer, signIn }: Config,
  { signInSecret }: SettingsFiles,
  parts: { clock: Clock; pipeline: Pipeline; cookies: HeldSecret; redeem: Operators['redeem'] },
): SignInParts | undefined {
  if (signIn === undefined || signInSecret === undefined) return undefined;
  const upstream = {
    issuer: signIn.issuer,
    client_id: signIn.clientId,
    client_secret: signInSecret,
    redirect_uri: `${issuer}/oauth2/callback`,
    scopes: signIn.scopes,
    teams_claim: signIn.teamsClaim,
  };
  return {
    upstream: createUpstream(upstream, parts.clock),
    people: createSignIn({ pipeline: parts.pipeline, users: signIn.users }),
    async openLink(link, request_id) {
      const { user, token } = await parts.redeem({ caller: anonymous, request_id }, link);
      const { access_token, expires_at } = token;
      return { user_id: user.id, login: user.login, access_token, expires_at: expires_at.toISOString() };
    },
    cookieKeys: () => [Buffer.from(parts.cookies.current()).toString('base64url')],
  };
}

/** Where no setting names a key: made once beside (never inside) the data folder of the embedded database. */
async function embeddedSealingKey(): Promise<KeyEncryptionKey> {
  const path = join('keys', 'sealing.key');
  await makeSealingKeyFile(path);
  return readSealingKeyFile(path);
}

type HeldSecret = ReturnType<typeof createHeldSecret>;

/** A secret of all replicas, the same after a restart; read once the database answers. */
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
