import { type RunningArsia, type Spawned, type StartOptions, spawnArsia, startArsia } from '../support/arsia.ts';
import { createIdentity, createOrganization, type Job, type Organization, startJob } from '../support/organization.ts';
import { type Ask, ask, type Reply } from './wire.ts';

/** An installation with a job that may mint for one identity. The fault tests use it. */
export interface Issuing {
  seed: RunningArsia;
  organization: Organization;
  job: Job;
  identity: { id: string; path: string };
}

/** Creates it with an Arsia in this process, which continues to run. */
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

/** Creates it with a process that has ended, so that `serve` can use its data. */
export async function leaveIssuing(options: StartOptions): Promise<Issuing> {
  const issuing = await startIssuing(options);
  await issuing.seed.stop();
  return issuing;
}

/** Starts `arsia serve` as a process and waits until it is ready. By default it listens where the seed listened. */
export async function serve({ seed }: Issuing, more: Record<string, string> = {}): Promise<Spawned> {
  const replica = spawnArsia(['serve'], {
    settings: { ...seed.settings, ARSIA_LOG_LEVEL: 'warn', ...more },
    cwd: seed.home.folder,
  });
  await replica.ready(`http://${more.ARSIA_LISTEN ?? seed.settings.ARSIA_LISTEN}`);
  return replica;
}

/** Requests a workload token for the job. */
export function mint({ job, identity }: Issuing, origin: string, more: Ask = {}): Promise<Reply> {
  const body = { managed_identity: identity.id };
  return ask(`${origin}/api/v1/tokens`, { method: 'POST', token: job.token, body, ...more });
}
