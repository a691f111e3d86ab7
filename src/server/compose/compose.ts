import type { Clock } from '../../core/clock.ts';
import { anonymous } from '../../core/principals.ts';
import { createCursors } from '../../http/api/cursors.ts';
import { createApp } from '../../http/app.ts';
import { discoveryDocument } from '../../http/discovery.ts';
import type { SignInParts } from '../../oidc/ports.ts';
import { createAuthorizationServer } from '../../oidc/server.ts';
import { createUpstream } from '../../oidc/upstream/upstream.ts';
import { createCalls } from '../../providers/calls.ts';
import type { CloudEndpoints } from '../../providers/provider.ts';
import { createActionTable } from '../../services/actions.ts';
import type { AuditTrail } from '../../services/audit/trail.ts';
import { type Audiences, createAudiences } from '../../services/identities/audiences.ts';
import { createAuthorizationPorts } from '../../services/issuing/authorization.ts';
import { createDeliver } from '../../services/issuing/deliver.ts';
import { createExchange } from '../../services/issuing/exchange.ts';
import { limitArtifacts } from '../../services/issuing/limitedartifacts.ts';
import { createMint } from '../../services/issuing/mint.ts';
import { createOutsideExchange } from '../../services/issuing/outsidetokens.ts';
import { createSpeakers } from '../../services/issuing/speakers.ts';
import { createCredentialCheck } from '../../services/machines/livecredentials.ts';
import { createQuotaAdmin, type QuotaAdmin } from '../../services/namespaces/quotas.ts';
import { createOperators, type Operators } from '../../services/people/operators.ts';
import { createSignIn } from '../../services/people/signin.ts';
import { createCallers } from '../../services/pipeline/callers.ts';
import { createIdempotency } from '../../services/pipeline/idempotency.ts';
import { createPipeline, type Pipeline } from '../../services/pipeline/pipeline.ts';
import { createQuotaCounts } from '../../services/pipeline/quotacounts.ts';
import { createShares } from '../../services/pipeline/shares.ts';
import type { Keyring } from '../../signing/keysets/keyring.ts';
import { type KeySetName, keySets } from '../../signing/keysets/keysets.ts';
import { createIssuerKeys } from '../../signing/outside/documents.ts';
import { createDocumentFetch } from '../../signing/outside/fetch.ts';
import { createOutsideVerifier } from '../../signing/outside/verify.ts';
import { createTokenSigner } from '../../signing/signers/tokensigner.ts';
import { isReceipt } from '../../store/audit/events.ts';
import { createMintFactsReader } from '../../store/issuing/mintfacts.ts';
import type { Config } from '../config/config.ts';
import { readSettingsFiles, type SettingsFiles } from '../config/files.ts';
import { createServing, type Serving } from '../serving.ts';
import { createTimers } from '../timers.ts';
import { composeStored, type HeldSecret, openStored, type Surroundings, startTasks } from './stored.ts';

export interface Arsia extends Serving {
  config: Config;
  operators: Operators;
  quotas: QuotaAdmin;
  audiences: Audiences;
  keyrings: Record<KeySetName, Keyring>;
  trail: AuditTrail;
}

/** Builds each part once, in the order of dependency. */
export async function compose(config: Config, surroundings: Surroundings): Promise<Arsia> {
  const { clock, log } = surroundings;
  const { issuer, tenancy, allowLoopbackIssuers } = config;
  const files = await readSettingsFiles(config);
  const stored = await composeStored(config, files, surroundings);
  const { database, artifacts, trail, keys, keyrings, cookies, cursors, watch, lost } = stored;
  const { audit } = trail;
  const shares = createShares({ connections: config.database.poolSize, share: shareOf(config) });
  const quotas = createQuotaCounts({ database, clock });
  const pipeline = createPipeline({ database, audit, clock, shares, quotas });
  const idempotency = createIdempotency({ database, pipeline, clock });
  const reader = createMintFactsReader(database, { keySet: keySets.workload.name });
  const signer = createTokenSigner({ keyring: keys.workload, clock: watch.guard(clock), issuer, isReceipt });
  const speakers = createSpeakers({ issuer, tenancy, keyring: keys.workload, signer });
  const mint = createMint({ deliver: createDeliver({ reader, audit, clock }), speakers, clock });
  const endpoints = cloudEndpoints(config, files);
  const actions = createActionTable({
    speakers,
    issuer,
    tenancy,
    audit,
    endpoints,
    quotas,
    allowLoopbackIssuers,
  });
  const exchange = createExchange({ mint, audit, calls: cloudCalls(config, clock), endpoints, clock });
  const limited = limitArtifacts({ artifacts, quotas, database, clock });
  const authorization = createAuthorizationServer({
    issuer,
    clock,
    log,
    artifacts: limited,
    keys: keys.authorization,
    outside: createOutsideExchange({
      database,
      audit,
      artifacts: limited,
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
    lost,
    prepare: stored.threads.start,
    async open() {
      await openStored(config, stored);
      startTasks(timers, { ...stored, idempotency }, config, surroundings);
    },
    async fault() {
      const unreadiness = () => Object.values(keys).flatMap((ring) => ring.unreadiness() ?? [])[0];
      if (Object.values(keys).some((ring) => ring.fault() !== undefined)) return unreadiness();
      return await watch.look().then(
        () => watch.fault() ?? unreadiness(),
        () => 'the database is away',
      );
    },
    async close() {
      await stored.threads.close();
      await database.close();
    },
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
          actions,
          mint,
          exchange,
          operators,
        },
        limits: config.limits,
        checkCredential: createCredentialCheck({ database, clock }),
        discovery: discoveryDocument(issuer),
        jwks() {
          const { jwks, etag, maximum_age } = keys.workload.publication();
          return { body: jwks, etag, type: 'application/jwk-set+json', maximum_age };
        },
        readiness,
      }),
  });
  return {
    ...serving,
    config,
    operators,
    quotas: createQuotaAdmin(pipeline, actions.quotas),
    audiences: createAudiences(pipeline),
    keyrings,
    trail,
  };
}

function cloudEndpoints({ clouds }: Config, { extraCa }: SettingsFiles): CloudEndpoints {
  return { ...clouds.endpoints, extra_ca: extraCa };
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
    async openLink(link, origin) {
      const { user, organization, token } = await parts.redeem({ caller: anonymous, origin }, link);
      const { access_token, expires_at } = token;
      return {
        user_id: user.id,
        login: user.login,
        ...(organization !== null && { organization }),
        access_token,
        expires_at: expires_at.toISOString(),
      };
    },
    cookieKeys: () => [Buffer.from(parts.cookies.current()).toString('base64url')],
  };
}
