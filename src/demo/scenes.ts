import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { decodeJwt } from 'jose';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { type Client, createClient } from './client.ts';
import { documentOf, type Sample, trustOf } from './clouds.ts';
import { encoded, group, type Organization } from './organization.ts';
import type { Transcript } from './transcript.ts';

export interface DemoContext {
  issuer: string;
  sandbox: Sandbox;
  organization: Organization;
  transcript: Transcript;
  samples: Sample[];
}

type Body = Record<string, unknown>;

/** Gets credentials of each cloud, and asks the cloud whom they belong to. */
export async function showCredentials(demo: DemoContext, jobToken: string): Promise<void> {
  const job = createClient(demo.issuer, jobToken);
  const get = (name: string, more: object = {}) =>
    job.send('POST', '/credentials', { managed_identity: `${group}/${name}`, ...more });
  await showAws(demo, await get('aws', { duration: 900 }));
  await showAzure(demo, await get('azure'));
  await showGoogle(demo, await get('google', { duration: 900 }));
  await showGoogle(demo, await get('google-direct'));
  await showToken(demo, await get('internal-api'));
}

/** Shows requests that must be refused, each with the reason that the caller gets. */
export async function showRefusals(demo: DemoContext, jobToken: string): Promise<void> {
  const { organization, transcript, issuer } = demo;
  const job = createClient(issuer, jobToken);

  const other = await startJob(organization, organization.otherWorkspace, organization.otherUser);
  const otherJob = createClient(issuer, other.token);
  const foreign = await otherJob.ask('POST', '/credentials', { managed_identity: `${group}/aws` });
  transcript.check(foreign.status === 403, `a user of another workspace: ${refusalOf(foreign.body)}`);

  await organization.launcher.send('PATCH', other.path, { state: 'ended' });
  const late = await otherJob.ask('POST', '/credentials', { managed_identity: `${group}/aws` });
  transcript.check(
    late.status === 401 && late.body.code === 'job_ended',
    `a job that has ended: ${refusalOf(late.body)}`,
  );

  const misplaced = await job.ask('POST', '/credentials', { managed_identity: `${group}/aws-misplaced` });
  transcript.check(
    misplaced.status === 403 && cloudCode(misplaced.body) === 'AccessDenied',
    `a role whose trust policy names another subject: ${refusalOf(misplaced.body)}`,
  );
  await explainMisplaced(demo, organization.admin);
}

/** Clouds do not say which condition failed; the evaluation of the pasted document does. */
async function explainMisplaced({ organization, transcript, samples }: DemoContext, admin: Client): Promise<void> {
  const identity = samples.find((sample) => sample.path.endsWith('/aws-misplaced'))!;
  const pasted = documentOf(await trustOf(admin, identity.id, organization.otherWorkspace), 'trust-policy');
  const verdict = await admin.send('POST', `/managed-identities/${encoded(identity.id)}/trust/evaluate`, {
    document: pasted,
    workspace: organization.workspace,
    user: organization.user,
  });
  transcript.fact('    condition', String(verdict.condition));
  transcript.fact('    expected', String(verdict.expected));
  transcript.fact('    actual', String(verdict.actual));
  transcript.check(
    verdict.allow === false && verdict.actual === identity.subject,
    'the pasted policy, checked by Arsia, names the condition that failed',
  );
}

async function showAws({ sandbox, organization, transcript }: DemoContext, credentials: Body): Promise<void> {
  const sts = new STSClient({
    region: 'us-east-1',
    endpoint: sandbox.aws.endpoint,
    credentials: {
      accessKeyId: String(credentials.access_key_id),
      secretAccessKey: String(credentials.secret_access_key),
      sessionToken: String(credentials.session_token),
    },
  });
  const { Arn = '' } = await sts.send(new GetCallerIdentityCommand({}));
  sts.destroy();
  transcript.check(Arn.endsWith(`/${organization.user}`), `AWS: GetCallerIdentity says ${Arn}`);
  transcript.fact('    expires', String(credentials.expires_at));
}

async function showAzure({ transcript, samples }: DemoContext, credentials: Body): Promise<void> {
  const claims = decodeJwt(String(credentials.access_token));
  const { settings } = samples.find((sample) => sample.type === 'azure')!;
  const whose = `application ${claims.appid ?? claims.azp} of tenant ${claims.tid}`;
  transcript.check(
    (claims.appid ?? claims.azp) === settings.client_id && claims.tid === settings.tenant_id,
    `Azure: the access token belongs to ${whose}`,
  );
  transcript.fact('    expires', String(credentials.expires_at));
}

async function showGoogle({ sandbox, transcript, samples }: DemoContext, credentials: Body): Promise<void> {
  const { sts_endpoint } = sandbox.google;
  const answer = await fetch(
    `${sts_endpoint}/oauth2/v3/tokeninfo?access_token=${encoded(String(credentials.access_token))}`,
  );
  const info = (await answer.json()) as Body;
  const whose = String(info.email ?? info.sub ?? info.principal);
  const direct = samples.find((sample) => sample.path.endsWith('/google-direct'))!;
  transcript.check(
    whose === credentials.service_account || whose.endsWith(direct.subject),
    `Google: the access token belongs to ${whose}`,
  );
  transcript.fact('    expires', String(credentials.expires_at));
}

async function showToken({ transcript, issuer }: DemoContext, credentials: Body): Promise<void> {
  const claims = decodeJwt(String(credentials.token));
  transcript.check(
    claims.iss === issuer && claims.aud === 'https://api.acme.example',
    `any relying party: a token for ${String(claims.aud)}, subject ${claims.sub}`,
  );
  transcript.line('its claims:');
  for (const [name, value] of Object.entries(claims)) transcript.fact(`    ${name}`, ` ${JSON.stringify(value)}`);
}

async function startJob({ launcher }: Organization, workspace: string, user: string) {
  const path = `/workspaces/${encoded(workspace)}/jobs`;
  const job = await launcher.send('POST', path, { user, stage: 'run' });
  return { path: `${path}/${String(job.id)}`, token: String(job.job_token) };
}

function refusalOf(body: Body): string {
  return `${String(body.code)}. ${String(body.detail)}`;
}

function cloudCode(body: Body): unknown {
  return (body.cloud as Body | undefined)?.code;
}
