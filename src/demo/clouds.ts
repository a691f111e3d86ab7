import type { Sandbox } from '../sandbox/sandbox.ts';
import type { Client } from './client.ts';
import { encoded, group } from './organization.ts';

/** Accounts, applications and pools of the sandbox clouds, to which the sample identities belong. */
export const targets = {
  account: '111122223333',
  role: 'arn:aws:iam::111122223333:role/simulation',
  misplacedRole: 'arn:aws:iam::111122223333:role/misplaced',
  tenant: '7c0e6a4e-3f0a-4a5e-9c1b-5d2f8e6b1a01',
  client: '1f9d2c34-88aa-4d0b-b7d5-0a6c3e5f7b02',
  project: '123456789012',
  pool: 'arsia-pool',
  serviceAccount: 'simulation@acme-research.iam.gserviceaccount.com',
} as const;

export interface Sample {
  id: string;
  path: string;
  type: string;
  subject: string;
  audience: string;
  settings: Record<string, unknown>;
}

interface Plan {
  name: string;
  type: string;
  profile?: string;
  settings: Record<string, unknown>;
}

const plans: Plan[] = [
  { name: 'aws', type: 'aws', settings: { role_arn: targets.role } },
  { name: 'azure', type: 'azure', settings: { tenant_id: targets.tenant, client_id: targets.client } },
  {
    name: 'google',
    type: 'gcp',
    settings: {
      project_number: targets.project,
      pool: targets.pool,
      provider: 'impersonated',
      service_account: targets.serviceAccount,
    },
  },
  {
    name: 'google-direct',
    type: 'gcp',
    profile: 'direct',
    settings: { project_number: targets.project, pool: targets.pool, provider: 'direct' },
  },
  { name: 'internal-api', type: 'oidc', settings: { audience: 'https://api.acme.example' } },
  { name: 'aws-misplaced', type: 'aws', profile: 'misplaced', settings: { role_arn: targets.misplacedRole } },
];

/** Creates the identities in the group and assigns them to the workspace. */
export async function createIdentities(admin: Client, workspace: string): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const { profile, ...plan } of plans) {
    const made = await admin.send('POST', '/managed-identities', { ...plan, group, delivery: 'both' });
    await admin.send('POST', `/workspaces/${encoded(workspace)}/managed-identities`, {
      managed_identity: made.id,
      ...(profile && { profile }),
    });
    const { subject, audience } = await trustOf(admin, String(made.id), workspace);
    samples.push({
      id: String(made.id),
      path: String(made.path),
      type: plan.type,
      subject,
      audience,
      settings: made.settings as Record<string, unknown>,
    });
  }
  return samples;
}

export interface TrustAnswer {
  subject: string;
  audience: string;
  documents: { name: string; text: string }[];
}

export async function trustOf(admin: Client, identity: string, workspace: string): Promise<TrustAnswer> {
  const answer = await admin.send(
    'GET',
    `/managed-identities/${encoded(identity)}/trust?workspace=${encoded(workspace)}`,
  );
  return answer as unknown as TrustAnswer;
}

export function documentOf(trust: TrustAnswer, name: string): string {
  const found = trust.documents.find((document) => document.name === name);
  if (found === undefined) throw new Error(`Arsia generates no document ${name}`);
  return found.text;
}

/** Does what a cloud admin does once: pastes Arsia's documents unchanged. The misplaced role gets those of another workspace. */
export async function pasteTrust(
  sandbox: Sandbox,
  admin: Client,
  issuer: string,
  samples: Sample[],
  workspaces: { own: string; other: string },
): Promise<void> {
  const trust = (path: string, workspace = workspaces.own) => trustOf(admin, `${group}/${path}`, workspace);
  const aws = await trust('aws');
  sandbox.aws.createOpenIdConnectProvider({ account: targets.account, url: issuer, client_ids: [aws.audience] });
  sandbox.aws.createRole({ arn: targets.role, trust_policy: documentOf(aws, 'trust-policy') });
  const misplaced = await trust('aws-misplaced', workspaces.other);
  sandbox.aws.createRole({ arn: targets.misplacedRole, trust_policy: documentOf(misplaced, 'trust-policy') });

  const { tenant, client: client_id } = targets;
  sandbox.azure.createApplication({ tenant, client_id });
  const credential = documentOf(await trust('azure'), 'federated-credential');
  sandbox.azure.createFederatedCredential({ tenant, client_id, document: credential });

  for (const path of ['google', 'google-direct']) {
    const google = await trust(path);
    const settings = samples.find((sample) => sample.path === `${group}/${path}`)!.settings;
    sandbox.google.createProvider({
      project_number: targets.project,
      pool: targets.pool,
      provider: String(settings.provider),
      document: documentOf(google, 'provider'),
    });
    if (settings.service_account !== undefined)
      sandbox.google.createServiceAccount({
        email: targets.serviceAccount,
        policy: documentOf(google, 'service-account-policy'),
      });
  }
}
