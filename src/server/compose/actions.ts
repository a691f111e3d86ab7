import type { Clock } from '../../core/clock.ts';
import { createActionTable } from '../../services/actions.ts';
import { createIdempotency } from '../../services/pipeline/idempotency.ts';
import { createPipeline } from '../../services/pipeline/pipeline.ts';
import { createQuotaCounts } from '../../services/pipeline/quotacounts.ts';
import { createShares } from '../../services/pipeline/shares.ts';
import type { Config } from '../config/config.ts';
import { type Issuing, shareOf } from './issuing.ts';
import type { Stored } from './stored.ts';

export type Actions = ReturnType<typeof composeActions>;

/** Builds the pipeline, which authorises and audits, and the actions that it performs. */
export function composeActions(config: Config, stored: Stored, { issuerResolver, endpoints }: Issuing, clock: Clock) {
  const { database } = stored;
  const { audit } = stored.trail;
  const { issuer, tenancy, allowLoopbackIssuers, signIn } = config;
  const shares = createShares({ connections: config.database.poolSize, share: shareOf(config) });
  const quotas = createQuotaCounts({ database, clock });
  const pipeline = createPipeline({ database, audit, clock, shares, quotas });
  return {
    pipeline,
    quotas,
    idempotency: createIdempotency({ database, pipeline, clock }),
    table: createActionTable({
      issuerResolver,
      issuer,
      tenancy,
      audit,
      endpoints,
      quotas,
      allowLoopbackIssuers,
      signIn,
    }),
  };
}
