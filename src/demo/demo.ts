import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import type { Clock } from '../core/clock.ts';
import { type Sandbox, startSandbox } from '../sandbox/sandbox.ts';
import { compose } from '../server/compose/compose.ts';
import { parseConfig } from '../server/config/config.ts';
import { createLog } from '../server/log.ts';
import { makeSealingKeyFile } from '../signing/sealing/sealingkeyfile.ts';
import { createIdentities, pasteTrust } from './clouds.ts';
import { createOrganization, encoded } from './organization.ts';
import { showCredentials, showRefusals } from './scenes.ts';
import { createTranscript } from './transcript.ts';

export interface RunningDemo {
  /** True when every check of the transcript passed. */
  held: boolean;
  stop(): Promise<void>;
}

const folder = join('.arsia', 'demo');
const stateFile = join('.arsia', 'demo.json');

/** Runs the main job on embedded parts: a real server, three sandbox clouds, the official SDKs, no cloud account. */
export async function demo({ clock, write }: { clock: Clock; write(text: string): void }): Promise<RunningDemo> {
  const transcript = createTranscript(write);
  // An existing file would keep its mode.
  for (const old of [folder, stateFile]) rmSync(old, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(dirname(folder), 0o700);

  transcript.title('1. Start three sandbox clouds and Arsia with its embedded database');
  const sandbox = await startSandbox({ clock });
  const caFile = resolve(folder, 'ca.pem');
  writeFileSync(caFile, sandbox.ca);
  const { arsia, issuer } = await startArsia(clock, sandbox, caFile);
  const stop = async () => {
    await arsia.stop();
    await sandbox.close();
  };
  try {
    transcript.fact('issuer', issuer);
    for (const [cloud, endpoint] of Object.entries(endpointsOf(sandbox))) transcript.fact(cloud, endpoint);

    transcript.title('2. Create an organisation: a group, two workspaces, two users, a launcher, managed identities');
    const { token } = await arsia.operators.bootstrap({ organization: 'acme', login: 'owner' });
    const organization = await createOrganization(issuer, token.access_token);
    const samples = await createIdentities(organization.admin, organization.workspace);
    for (const { path, type, subject } of samples) transcript.fact(type, `${path}  ${subject}`);

    transcript.title('3. Paste the trust documents that Arsia generated into the clouds, unchanged');
    await pasteTrust(sandbox, organization.admin, issuer, samples, {
      own: organization.workspace,
      other: organization.otherWorkspace,
    });
    transcript.line('AWS role trust policies, an Entra federated credential, Google workload identity providers');

    transcript.title(`4. The launcher starts a job for ${organization.user}; the job asks for credentials`);
    const job = await organization.launcher.send('POST', `/workspaces/${encoded(organization.workspace)}/jobs`, {
      user: organization.user,
      stage: 'run',
    });
    const context = { issuer, sandbox, organization, transcript, samples };
    await showCredentials(context, String(job.job_token));

    transcript.title('5. What is refused, and why');
    await showRefusals(context, String(job.job_token));

    writeState({
      issuer,
      jwks_uri: `${issuer}/.well-known/jwks.json`,
      workspace: organization.workspace,
      job_token: job.job_token,
      admin_token: token.access_token,
      ca_file: caFile,
      sandbox: endpointsOf(sandbox),
      managed_identities: samples.filter((sample) => !sample.path.endsWith('-misplaced')),
    });
    transcript.title(transcript.held() ? 'Everything held.' : 'Something did not hold: see the lines marked NO.');
    transcript.line(`state for your own tries: ${stateFile}`);
    write(`\nready ${issuer}\n`);
    return { held: transcript.held(), stop };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

async function startArsia(clock: Clock, sandbox: Sandbox, caFile: string) {
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  const sealingKeyFile = join(folder, 'keys', 'sealing.key');
  await makeSealingKeyFile(sealingKeyFile);
  const config = parseConfig({
    ARSIA_ISSUER: issuer,
    ARSIA_LISTEN: `127.0.0.1:${port}`,
    ARSIA_DATA: join(folder, 'data'),
    ARSIA_SEALING_KEY_FILE: sealingKeyFile,
    ARSIA_AWS_STS_ENDPOINTS: sandbox.aws.endpoint,
    ARSIA_AZURE_AUTHORITY_HOSTS: sandbox.azure.authority_host,
    ARSIA_GOOGLE_STS_ENDPOINT: sandbox.google.sts_endpoint,
    ARSIA_GOOGLE_IAM_ENDPOINT: sandbox.google.iam_endpoint,
    ARSIA_EXTRA_CA_FILE: caFile,
    ARSIA_LOG_LEVEL: 'warn',
  });
  const arsia = await compose(config, { clock, log: createLog({ level: config.logLevel }) });
  await arsia.start();
  return { arsia, issuer };
}

function endpointsOf(sandbox: Sandbox) {
  return {
    aws: sandbox.aws.endpoint,
    azure: sandbox.azure.authority_host,
    google: sandbox.google.sts_endpoint,
  };
}

/** Holds live tokens: readable by its owner only. */
function writeState(state: object): void {
  writeFileSync(stateFile, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
}

/** The issuer names the port, so it must be known before the server listens. */
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
