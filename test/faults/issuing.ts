import { type RunningArsia, type Spawned, type StartOptions, spawnArsia, startArsia } from '../support/arsia.ts';
import { createIdentity, createOrganization, type Job, type Organization, startJob } from '../support/organization.ts';
import { type Ask, ask, type Reply } from './wire.ts';

/** An installation with a job that may mint for one identity: what every fault is let loose on. */
export interface Issuing {
  seed: RunningArsia;
  organization: Organization;
  job: Job;
  identity: { id: string; path: string };
}

/** Made by an Arsia in this process, which still runs. */
export async function startIssuing(options: StartOptions = {}): Promise<Issuing> {
  const seed = await startArsia(options);
  const organization = await createOrganization(seed);
  const made = await createIdentity(organization, {
    name: 'api',
    type: 'oidc',
    settings: { audience: 'https://api.acme.example' },
    delivery: 'both',
  });
  return { seed, organization, job: await startJob(organization), identity: { id: made.id, path: made.path } };
}

/** The same, left behind by a process that is gone: for `serve` to take over. */
export async function leaveIssuing(options: StartOptions): Promise<Issuing> {
  const issuing = await startIssuing(options);
  await issuing.seed.stop();
  return issuing;
}

/** `arsia serve` as a process, ready; where the seed listened unless told otherwise. */
export async function serve({ seed }: Issuing, more: Record<string, string> = {}): Promise<Spawned> {
  const replica = spawnArsia(['serve'], {
    settings: { ...seed.settings, ARSIA_LOG_LEVEL: 'warn', ...more },
    cwd: seed.home.folder,
  });
  await replica.ready(`http://${more.ARSIA_LISTEN ?? seed.settings.ARSIA_LISTEN}`);
  return replica;
}

/** One workload token for the job. */
export function mint({ job, identity }: Issuing, origin: string, more: Ask = {}): Promise<Reply> {
  const body = { managed_identity: identity.id };
  return ask(`${origin}/api/v1/tokens`, { method: 'POST', token: job.token, body, ...more });
}
