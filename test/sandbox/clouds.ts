import { Agent, request as httpsRequest } from 'node:https';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { type Issuer, makeClock, startIssuer, type TestClock } from './issuer.ts';

/** A sandbox and an issuer on one clock, with the documents that tests paste. */
export interface Bench {
  clock: TestClock;
  sandbox: Sandbox;
  issuer: Issuer;
  close(): Promise<void>;
}

export async function startBench(): Promise<Bench> {
  const clock = makeClock();
  const [sandbox, issuer] = await Promise.all([startSandbox({ clock, issuer_budget: 300 }), startIssuer(clock, '/wl')]);
  await issuer.addKey('k1');
  return {
    clock,
    sandbox,
    issuer,
    async close() {
      await Promise.all([sandbox.close(), issuer.close()]);
    },
  };
}

export const account = '111122223333';
export const roleArn = `arn:aws:iam::${account}:role/team/reader`;

/** Creates a trust policy on `aud` and `sub` (cloud-facts.md 1.6). */
export function trustPolicy(issuer: string, subject: string, more: Record<string, unknown> = {}): string {
  const host = issuer.replace(/^https?:\/\//, '');
  const statement = {
    Effect: 'Allow',
    Principal: { Federated: `arn:aws:iam::${account}:oidc-provider/${host}` },
    Action: 'sts:AssumeRoleWithWebIdentity',
    Condition: { StringEquals: { [`${host}:aud`]: 'aws', [`${host}:sub`]: subject } },
    ...more,
  };
  return JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
}

export function pasteAws({ sandbox, issuer }: Bench, policy = trustPolicy(issuer.url, 'job-7')): void {
  sandbox.aws.createOpenIdConnectProvider({ account, url: issuer.url, client_ids: ['aws', 'other'] });
  sandbox.aws.createRole({ arn: roleArn, trust_policy: policy });
}

export const tenant = '0a1b2c3d-0000-4000-8000-00000000000a';
export const clientId = '0a1b2c3d-0000-4000-8000-00000000000b';
export const azureAudience = 'api://AzureADTokenExchange';

export function pasteAzure({ sandbox, issuer }: Bench, subject = 'job-7'): void {
  sandbox.azure.createApplication({ tenant, client_id: clientId });
  sandbox.azure.createFederatedCredential({
    tenant,
    client_id: clientId,
    document: JSON.stringify({ name: 'workload', issuer: issuer.url, subject, audiences: [azureAudience] }),
  });
}

export const pool = '//iam.googleapis.com/projects/42/locations/global/workloadIdentityPools/jobs';
export const googleAudience = `${pool}/providers/workload`;
export const serviceAccount = 'reader@acme.iam.gserviceaccount.com';

export function googleProvider(issuer: string, more: Record<string, unknown> = {}): string {
  return JSON.stringify({
    oidc: { issuerUri: issuer },
    attributeMapping: { 'google.subject': 'assertion.sub', 'attribute.team': 'assertion.team' },
    attributeCondition: "assertion.team == 'cfd'",
    ...more,
  });
}

export function pasteGoogle({ sandbox, issuer }: Bench, document = googleProvider(issuer.url)): void {
  sandbox.google.createProvider({ project_number: '42', pool: 'jobs', provider: 'workload', document });
  const members = [`principal:${pool}/subject/job-7`];
  const policy = JSON.stringify({ bindings: [{ role: 'roles/iam.workloadIdentityUser', members }] });
  sandbox.google.createServiceAccount({ email: serviceAccount, policy });
}

export interface Reply {
  status: number;
  text: string;
}

/** Posts a form; https trusts the authority of the sandbox. */
export async function postForm(url: string, form: Record<string, string>, ca?: string): Promise<Reply> {
  const body = new URLSearchParams(form).toString();
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  if (ca !== undefined) return overTls(url, ca, 'POST', body, headers);
  const response = await fetch(url, { method: 'POST', body, headers });
  return { status: response.status, text: await response.text() };
}

export function overTls(
  url: string,
  ca: string,
  method = 'GET',
  body = '',
  headers: Record<string, string> = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const call = httpsRequest(url, { method, headers, agent: new Agent({ ca }) }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    call.on('error', reject).end(body);
  });
}

export function assumeRole(
  { sandbox }: Bench,
  token: string,
  more: Record<string, string | undefined> = {},
): Promise<Reply> {
  const form = {
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: roleArn,
    RoleSessionName: 'ada',
    WebIdentityToken: token,
    ...more,
  };
  return postForm(sandbox.aws.endpoint, defined(form));
}

export function askEntra(
  { sandbox }: Bench,
  token: string,
  more: Record<string, string | undefined> = {},
): Promise<Reply> {
  const { path = `/${tenant}/oauth2/v2.0/token`, ...rest } = more;
  const form = {
    grant_type: 'client_credentials',
    client_id: clientId,
    scope: 'https://management.azure.com/.default',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: token,
    ...rest,
  };
  return postForm(`${sandbox.azure.authority_host}${path}`, defined(form), sandbox.ca);
}

export function askGoogle(
  { sandbox }: Bench,
  token: string,
  more: Record<string, string | undefined> = {},
): Promise<Reply> {
  const form = {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    audience: googleAudience,
    scope: 'https://www.googleapis.com/auth/cloud-platform',
    requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    subject_token: token,
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    ...more,
  };
  return postForm(`${sandbox.google.sts_endpoint}/v1/token`, defined(form));
}

export function elementOf(xml: string, name: string): string | undefined {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
}

function defined(form: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(Object.entries(form).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
