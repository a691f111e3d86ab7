import type { AuditTrail } from '../../services/audit/trail.ts';
import { type Audiences, createAudiences } from '../../services/identities/audiences.ts';
import { createInstallationIssuer, type InstallationIssuer } from '../../services/issuing/installationissuer.ts';
import { createQuotaAdmin, type QuotaAdmin } from '../../services/namespaces/quotas.ts';
import type { Operators } from '../../services/people/operators.ts';
import type { Keyring } from '../../signing/keysets/keyring.ts';
import type { KeySetName } from '../../signing/keysets/keysets.ts';
import type { Config } from '../config/config.ts';
import { readSettingsFiles } from '../config/files.ts';
import { createServing, type Serving } from '../serving.ts';
import { createTimers } from '../timers.ts';
import { composeActions } from './actions.ts';
import { composeHttp } from './http.ts';
import { composeIssuing } from './issuing.ts';
import { composePeople } from './people.ts';
import { closeStored, composeStored, openStored, type Surroundings, startTasks, storedFault } from './stored.ts';

export interface Arsia extends Serving {
  config: Config;
  operators: Operators;
  quotas: QuotaAdmin;
  audiences: Audiences;
  installationIssuer: InstallationIssuer;
  keyrings: Record<KeySetName, Keyring>;
  trail: AuditTrail;
}

/** Builds each part once, in the order of dependency. */
export async function compose(config: Config, surroundings: Surroundings): Promise<Arsia> {
  const { clock, log } = surroundings;
  const files = await readSettingsFiles(config);
  const stored = await composeStored(config, files, surroundings);
  const issuing = composeIssuing(config, files, stored, surroundings);
  const actions = composeActions(config, stored, issuing, clock);
  const people = composePeople(config, files, { stored, issuing, actions }, surroundings);
  const timers = createTimers();
  const serving = createServing({
    config,
    log,
    timers,
    fatal: stored.fatal,
    prepare: stored.threads.start,
    async open(purpose) {
      await openStored(config, stored, purpose);
      startTasks(timers, { ...stored, idempotency: actions.idempotency }, config, surroundings);
    },
    fault: () => storedFault(stored),
    close: () => closeStored(stored),
    createListener: (readiness) => composeHttp(config, { stored, issuing, actions, people, readiness }, surroundings),
  });
  return {
    ...serving,
    config,
    operators: people.operators,
    quotas: createQuotaAdmin(actions.pipeline, actions.table.quotas),
    audiences: createAudiences(actions.pipeline),
    installationIssuer: createInstallationIssuer(actions.pipeline),
    keyrings: stored.keyrings,
    trail: stored.trail,
  };
}
