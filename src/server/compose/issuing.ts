import type { Clock } from '../../core/clock.ts';
import { createOutbound, type Outbound } from '../../outbound/outbound.ts';
import { createCalls } from '../../providers/calls.ts';
import type { CloudEndpoints } from '../../providers/provider.ts';
import { cloudHosts } from '../../providers/registry.ts';
import { createDeliver } from '../../services/issuing/deliver.ts';
import { createExchange } from '../../services/issuing/exchange.ts';
import { createIssuerResolver } from '../../services/issuing/issuerresolver.ts';
import { createMint } from '../../services/issuing/mint.ts';
import { keySets } from '../../signing/keysets/keysets.ts';
import { createIssuerKeys } from '../../signing/outside/documents.ts';
import { createDocumentFetch } from '../../signing/outside/fetch.ts';
import { createOutsideVerifier } from '../../signing/outside/verify.ts';
import { createTokenSigner } from '../../signing/signers/tokensigner.ts';
import { isReceipt } from '../../store/audit/events.ts';
import { createMintFactsReader } from '../../store/issuing/mintfacts.ts';
import type { Config } from '../config/config.ts';
import type { SettingsFiles } from '../config/files.ts';
import type { Stored, Surroundings } from './stored.ts';

export type Issuing = ReturnType<typeof composeIssuing>;

/** Builds what issues: the mint, the exchange at the clouds, and the verifier of outside tokens. */
export function composeIssuing(config: Config, files: SettingsFiles, stored: Stored, surroundings: Surroundings) {
  const { clock } = surroundings;
  const { issuer, tenancy } = config;
  const { audit } = stored.trail;
  const reader = createMintFactsReader(stored.database, { keySet: keySets.workload.name });
  const keyring = stored.keys.workload;
  const signer = createTokenSigner({ keyring, clock: stored.watch.guard(clock), issuer, isReceipt });
  const issuerResolver = createIssuerResolver({ issuer, tenancy, keyring, signer });
  const mint = createMint({ deliver: createDeliver({ reader, audit, clock }), issuerResolver, clock });
  const outbound = createOutbound({ extraCa: files.extraCa, ...config.outbound }, cloudHosts);
  const endpoints: CloudEndpoints = { ...config.clouds.endpoints, outbound };
  return {
    issuerResolver,
    reader,
    mint,
    endpoints,
    outbound,
    exchange: createExchange({ mint, audit, calls: cloudCalls(config, clock), endpoints, clock }),
    verifier: outsideVerifier(config, outbound, surroundings),
  };
}

/** The share of the places that one organisation may use. */
export function shareOf({ tenancy }: Config): number {
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

function outsideVerifier({ allowLoopbackIssuers }: Config, outbound: Outbound, { clock, log }: Surroundings) {
  const fetch = createDocumentFetch({
    outbound,
    allowLoopback: allowLoopbackIssuers,
    onFault: (error, host) => log.warn({ err: error, host }, 'a document of an outside issuer was not fetched'),
  });
  return createOutsideVerifier({ keys: createIssuerKeys({ fetch, clock }), clock });
}
