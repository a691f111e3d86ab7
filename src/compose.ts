import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import { ArsiaError } from './core/errors.ts';
import { anonymous } from './core/principals.ts';
import { createCursors } from './http/api/cursors.ts';
import { createApp } from './http/app.ts';
import { discoveryDocument } from './http/discovery.ts';
import type { Log } from './log.ts';
import { createAuthorizationServer } from './oidc/server.ts';
import { createUpstream } from './oidc/upstream/upstream.ts';
import { createCalls } from './providers/calls.ts';
import { createPipeline } from './services/action.ts';
import { type AuditTrail, createAuditTrail } from './services/audittrail.ts';
import { createAuthorizationPorts } from './services/authorization.ts';
import { createCallers } from './services/callers.ts';
import { createExchange } from './services/exchange.ts';
import { createIdempotency } from './services/idempotency.ts';
import { createIssuers } from './services/issuers.ts';
import { auditedKeyring } from './services/keys.ts';
import { createMint } from './services/mint.ts';
import { createOperators, type Operators } from './services/operators.ts';
import { createOutsideExchange } from './services/outsidetokens.ts';
import { endOverdueJobs } from './services/overdue.ts';
import { createSignIn } from './services/signin.ts';
import { createActionTable } from './services/table.ts';
import { createKeyring, type Keyring } from './signing/keyring.ts';
import { createIssuerKeys } from './signing/outside/documents.ts';
import { createDocumentFetch } from './signing/outside/fetch.ts';
import { createOutsideVerifier } from './signing/outside/verify.ts';
import { createSealer } from './signing/sealing.ts';
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
import { createTimers } from './timers.ts';

export interface Arsia {
  config: Config;
  /** Opens the database for commands that need no listener; resolves when the keys are loaded. */
  open(): Promise<void>;
  /** Opens and listens. With the database away it listens all the same, not ready, and goes on trying. */
  start(): Promise<void>;
  /**
   * Rejects when the database is there at last and cannot be opened: another sealing key, the schema of a newer release. A
   * start that meets this at once throws it; one that had to wait must not stay up and not ready for ever.
   */
  failure: Promise<never>;
  /** Not ready first, then no new connections, then the end of what is under way; at most 25 s. */
  stop(): Promise<void>;
  /** Where it listens, once started. */
  address(): AddressInfo;
  operators: Operators;
  keyrings: { workload: Keyring; authorization: Keyring };
  trail: AuditTrail;
}

/** Milliseconds. */
const retryInterval = 1000;
const drainLimit = 25_000;
const sweepInterval = 5 * 60 * 1000;
const overdueInterval = 20 * 1000;

/** Builds each part once, in the order of dependency. */
export async function compose(config: Config, { clock, log }: { clock: Clock; log: Log }): Promise<Arsia> {
  const { issuer, tenancy } = config;
  const sealer = createSealer(await readSealingKeyFile(await sealingKeyPath(config)));
  const { url, folder, poolSize } = config.database;
  const database = await openDatabase({
    ...(url === undefined ? { folder } : { url }),
    poolSize,
    onFault: (error) => log.warn({ err: error }, 'a database connection was lost'),
  });
  const trail = createAuditTrail({
    database,
    secret: () => sharedSecret({ database, sealer, random: clock.random }, 'audit'),
    clock,
    interval: config.auditInterval,
    log,
  });
  const { audit } = trail;
  const artifacts = createArtifactStore({ database, sealer });
  const ring = (keySet: 'workload' | 'authorization') =>
    createKeyring({
      store: createKeyStore(database),
      sealer,
      clock,
      keySet,
      alg: 'RS256',
      onFault: (fault) => log.error({ err: fault, key_set: keySet }, 'the stored keys are not taken over'),
    });
  const [workload, authorization] = [ring('workload'), ring('authorization')];
  const keyrings = {
    workload: auditedKeyring(workload, audit, clock),
    authorization: auditedKeyring(authorization, audit, clock),
  };
  const issuers = createIssuers(issuer);
  const pipeline = createPipeline({ database, audit, clock });
  const reader = createMintFactsReader(database);
  const mint = createMint({
    reader,
    audit,
    keyring: workload,
    signer: createTokenSigner({ keyring: workload, clock, issuer, isReceipt }),
    issuers,
    tenancy,
    clock,
  });
  const { clouds } = config;
  const endpoints = {
    aws_sts: clouds.awsSts,
    azure_authority_hosts: clouds.azureAuthorityHosts,
    google_sts: clouds.googleSts,
    google_iam: clouds.googleIam,
    extra_ca: clouds.extraCaFile === undefined ? undefined : readFileSync(clouds.extraCaFile, 'utf8'),
  };
  const exchange = createExchange({
    mint,
    audit,
    calls: createCalls({
      deadline_ms: clouds.deadline * 1000,
      concurrency: clouds.concurrency,
      random: () => clock.random(4).reduce((sum, byte) => sum * 256 + byte, 0) / 2 ** 32,
    }),
    endpoints,
    clock,
  });
  const shared = (name: string) =>
    createHeldSecret(() => sharedSecret({ database, sealer, random: clock.random }, name));
  const cookies = shared('cookies');
  const cursors = shared('cursors');
  const idempotency = createIdempotency({ database, pipeline, clock });
  const { signIn } = config;
  const { allowLoopbackIssuers } = config;
  const documents = createDocumentFetch({
    allowLoopback: allowLoopbackIssuers,
    onFault: (error, host) => log.warn({ err: error, host }, 'a document of an outside issuer was not fetched'),
  });
  const server = createAuthorizationServer({
    issuer,
    clock,
    log,
    artifacts,
    keys: authorization,
    outside: createOutsideExchange({
      database,
      audit,
      artifacts,
      verifier: createOutsideVerifier({ keys: createIssuerKeys({ fetch: documents, clock }), clock }),
      clock,
    }),
    signIn: signIn && {
      upstream: createUpstream(
        {
          issuer: signIn.issuer,
          client_id: signIn.clientId,
          client_secret: readSecret('ARSIA_SIGN_IN_CLIENT_SECRET_FILE', signIn.clientSecretFile),
          redirect_uri: `${issuer}/oauth2/callback`,
          scopes: signIn.scopes,
          teams_claim: signIn.teamsClaim,
        },
        clock,
      ),
      people: createSignIn({ pipeline, users: signIn.users }),
      async openLink(link, request_id) {
        const { user, token } = await operators.redeem({ caller: anonymous, request_id }, link);
        const { access_token, expires_at } = token;
        return { user_id: user.id, login: user.login, access_token, expires_at: expires_at.toISOString() };
      },
      cookieKeys: () => [Buffer.from(cookies.current()).toString('base64url')],
    },
    ...createAuthorizationPorts({ database, audit, mint, clock }),
  });
  const operators = createOperators({
    pipeline,
    tenancy,
    now: clock.now,
    issueAccessToken: server.issueAccessToken,
  });
  let isDraining = false;
  let isOpen = false;
  /** Why it is not open yet, for who asks whether it is ready. */
  let waiting = 'the database was not reached yet';
  const handle = createApp({
    issuer,
    log,
    pipeline,
    authorization: server,
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
      const { jwks, etag } = workload.current();
      return { body: jwks, etag, type: 'application/jwk-set+json' };
    },
    async readiness() {
      if (isDraining) return 'shutting down';
      if (!isOpen) return waiting;
      const fault = workload.fault() ?? authorization.fault();
      if (fault !== undefined) return 'the stored signing keys are not taken over: see the log';
      return await database.ping().then(
        () => undefined,
        () => 'the database is away',
      );
    },
  });
  const listener = createServer({ requestTimeout: 30_000, headersTimeout: 10_000, keepAliveTimeout: 65_000 });
  listener.on('request', (request, response) => {
    if (isDraining) response.setHeader('Connection', 'close');
    handle(request, response);
  });
  const timers = createTimers();
  const failure = Promise.withResolvers<never>();
  // Whoever does not wait for it must not end by an unhandled rejection.
  failure.promise.catch(() => {});

  const notKept = (thrown: unknown) => log.warn({ err: thrown }, 'the audit was not brought up to its checkpoint');

  async function open(): Promise<void> {
    await bringUpToDate(config, database);
    await cookies.load();
    await cursors.load();
    await trail.open();
    await workload.start();
    await authorization.start();
    isOpen = true;
    timers.until(
      keepFresh(Object.values(keyrings), (thrown) => log.error({ err: thrown }, 'the keys were not refreshed')),
    );
    timers.every(overdueInterval, async () => {
      await endOverdueJobs({ database, audit, clock }).catch((thrown) =>
        log.warn({ err: thrown }, 'overdue jobs were not ended'),
      );
    });
    timers.every((config.auditInterval * 1000) / 2, () => trail.round().catch(notKept));
    // After every other end: what those record is counted and covered too.
    timers.until(() => trail.close().catch(notKept));
    timers.every(sweepInterval, async () => {
      await artifacts.sweep(clock.now()).catch((thrown) => log.warn({ err: thrown }, 'expired rows were not swept'));
      await idempotency.sweep().catch((thrown) => log.warn({ err: thrown }, 'expired keys were not swept'));
      await sweepAuthorityChanges(database.query).catch((thrown) =>
        log.warn({ err: thrown }, 'changes were not swept'),
      );
    });
  }

  return {
    config,
    operators,
    keyrings,
    trail,
    failure: failure.promise,
    open,
    async start() {
      await open().catch((thrown) => {
        if (!(thrown instanceof ArsiaError && thrown.code === 'unavailable')) throw thrown;
        waiting = thrown.message;
        log.error({ err: thrown }, 'the database is away: not ready, trying on');
        timers.retry(retryInterval, open, failure.reject);
      });
      await listen(listener, config.listen);
    },
    async stop() {
      if (isDraining) return;
      isDraining = true;
      if (listener.listening) {
        // Load balancers must have seen the 503 before connections are refused (threats.md M11).
        await new Promise((done) => setTimeout(done, config.shutdownDelay * 1000));
        await drain(listener);
      }
      await timers.stop();
      await database.close();
    },
    address: () => listener.address() as AddressInfo,
  };
}

/** The sealing key: named, or made once beside (never inside) the data folder for the embedded database. */
async function sealingKeyPath(config: Config): Promise<string> {
  if (config.sealingKeyFile !== undefined) return config.sealingKeyFile;
  const path = join('keys', 'sealing.key');
  await makeSealingKeyFile(path);
  return path;
}

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

/** A secret that a person or an orchestrator put into a file, without the line's end. */
function readSecret(setting: string, path: string): string {
  const secret = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
  if (secret === '') throw new Error(`${setting} names ${path}, and that file is empty: write the secret into it`);
  return secret;
}

async function bringUpToDate({ database: { migrationUrl, url } }: Config, database: Database): Promise<void> {
  if (migrationUrl === undefined || url === undefined) await migrate(database);
  else await migrate(migrationUrl, { grantTo: decodeURIComponent(new URL(url).username) });
}

function listen(listener: Server, { host, port }: Config['listen']): Promise<void> {
  return new Promise((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(port, host, () => {
      listener.off('error', reject);
      resolve();
    });
  });
}

async function drain(listener: Server): Promise<void> {
  const closed = new Promise((done) => listener.close(done));
  listener.closeIdleConnections();
  const limit = setTimeout(() => listener.closeAllConnections(), drainLimit);
  await closed;
  clearTimeout(limit);
}
