import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Client } from '../src/demo/client.ts';
import { createOrganization, encoded, group, type Organization } from '../src/demo/organization.ts';
import { type PostgresServer, startPostgres } from '../test/support/postgres.ts';
import { type Contestant, machineEnvironment, start } from './processes.ts';

/** Arsia as in production: in its own process, on PostgreSQL, with a job per run. */
export interface MeasuredArsia extends Pick<Contestant, 'residentMemory'> {
  issuer: string;
  jobTokens: string[];
  /** Paths of the identities for which the jobs may mint. */
  identities: string[];
  /** The sample organisation, and the clients of its administrators. */
  organization: Organization;
  /** Runs statements as the owner of Arsia's tables. */
  execute: (text: string) => ReturnType<PostgresServer['execute']>;
  /** Creates another database on the same PostgreSQL, for a peer. Returns its URL. */
  createDatabase(name: string): Promise<string>;
  /** Returns the number of recorded mints in the database. */
  recordedMints(): Promise<number>;
  stop(): Promise<void>;
}

const jobs = 64;
const binary = '../bin/arsia.js';

export async function startArsia(): Promise<MeasuredArsia> {
  const folder = await mkdtemp(join(tmpdir(), 'arsia-bench-'));
  const postgres = await startPostgres();
  await postgres.execute('postgres', 'CREATE DATABASE arsia');
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  const sealingKeyFile = join(folder, 'sealing.key');
  await writeFile(sealingKeyFile, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600 });
  const env = {
    ARSIA_ISSUER: issuer,
    ARSIA_LISTEN: `127.0.0.1:${port}`,
    DATABASE_URL: postgres.url('arsia'),
    ARSIA_SEALING_KEY_FILE: sealingKeyFile,
    ARSIA_LOG_LEVEL: 'warn',
    // Requests are counted as in production, but never limited: a job here sends more than any real job.
    ARSIA_RATE_LIMIT: '1000000',
  };
  const ownerToken = await bootstrap(env);
  const server = start(binary, env, ['serve']);
  const stop = async () => {
    await server.stop();
    await postgres.remove();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await ready(issuer);
    const organization = await createOrganization(issuer, ownerToken);
    const { admin, launcher, workspace, user } = organization;
    return {
      issuer,
      identities: await createIdentities(admin, workspace),
      jobTokens: await startJobs(launcher, workspace, user),
      organization,
      residentMemory: server.residentMemory,
      execute: (text) => postgres.execute('arsia', text),
      async createDatabase(name) {
        await postgres.execute('postgres', `CREATE DATABASE ${name}`);
        return postgres.url(name);
      },
      async recordedMints() {
        const counted = await postgres.execute(
          'arsia',
          `SELECT count(*)::int AS mints FROM audit_events WHERE action = 'token.mint' AND outcome = 'success'`,
        );
        return (counted.rows[0] as { mints: number }).mints;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function bootstrap(env: Record<string, string>): Promise<string> {
  const file = fileURLToPath(new URL(binary, import.meta.url));
  const options = { env: { ...machineEnvironment(), ...env } };
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [file, 'server', 'bootstrap', '--organization', 'acme'],
    options,
  );
  return stdout.trim();
}

async function createIdentities(admin: Client, workspace: string): Promise<string[]> {
  const role_arn = 'arn:aws:iam::111122223333:role/simulation';
  const plans = [
    { name: 'aws', type: 'aws', settings: { role_arn } },
    { name: 'internal-api', type: 'oidc', settings: { audience: 'https://api.acme.example' } },
  ];
  const paths: string[] = [];
  for (const plan of plans) {
    const made = await admin.send('POST', '/managed-identities', { ...plan, group, delivery: 'token' });
    await admin.send('POST', `/workspaces/${encoded(workspace)}/managed-identities`, { managed_identity: made.id });
    paths.push(String(made.path));
  }
  return paths;
}

async function startJobs(launcher: Client, workspace: string, user: string): Promise<string[]> {
  const tokens: string[] = [];
  for (let count = 0; count < jobs; count++) {
    const job = await launcher.send('POST', `/workspaces/${encoded(workspace)}/jobs`, { user, stage: 'run' });
    tokens.push(String(job.job_token));
  }
  return tokens;
}

async function ready(issuer: string): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    const answer = await fetch(`${issuer}/readyz`).catch(() => undefined);
    if (answer?.ok) return;
    await sleep(100);
  }
  throw new Error('Arsia was not ready within 30 seconds. Its output is above.');
}

/** Returns a free port, which the issuer must name before the server listens on it. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}
