import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import type { Body, Client } from './client.ts';
import { createIdentity, type Organization } from './organization.ts';

/** The resources in the sandbox clouds that the identities of tests use. */
export const targets = {
  account: '111122223333',
  role: 'arn:aws:iam::111122223333:role/lab/sim',
  tenant: '7c0e6a4e-3f0a-4a5e-9c1b-5d2f8e6b1a01',
  client: '1f9d2c34-88aa-4d0b-b7d5-0a6c3e5f7b02',
  project: '123456789012',
  pool: 'arsia-pool',
  serviceAccount: 'sim@acme-lab.iam.gserviceaccount.com',
} as const;

const { project: project_number, pool } = targets;

/** The settings of an identity in each cloud. */
export const cloudSettings = {
  aws: { role_arn: targets.role, max_duration: 7200 },
  azure: { tenant_id: targets.tenant, client_id: targets.client },
  gcp: { project_number, pool, provider: 'impersonated', service_account: targets.serviceAccount },
  direct: { project_number, pool, provider: 'direct' },
} as const;

export interface CloudIdentities {
  aws: Body;
  azure: Body;
  gcp: Body;
  /** Google without a service account, under the profile `direct`. */
  direct: Body;
}

/** Creates an identity for each cloud in the first workspace, and pastes Arsia's trust documents unchanged into the sandbox. */
export async function setUpClouds(organization: Organization, sandbox: Sandbox): Promise<CloudIdentities> {
  const make = (name: string, type: string, settings: object, profile?: string) =>
    createIdentity(organization, { name, type, settings, delivery: 'both' }, profile);
  const identities = {
    aws: await make('aws', 'aws', cloudSettings.aws),
    azure: await make('azure', 'azure', cloudSettings.azure),
    gcp: await make('gcp', 'gcp', cloudSettings.gcp),
    direct: await make('direct', 'gcp', cloudSettings.direct, 'direct'),
  };
  const trust = (identity: Body) => trustOf(organization.owner, identity.id, organization.workspaceId);
  const { account, role, tenant, client: client_id, serviceAccount } = targets;
  const aws = await trust(identities.aws);
  sandbox.aws.createOpenIdConnectProvider({ account, url: organization.issuer, client_ids: [aws.audience] });
  sandbox.aws.createRole({ arn: role, trust_policy: aws.document('trust-policy'), max_session_duration: 7200 });
  sandbox.azure.createApplication({ tenant, client_id });
  const document = (await trust(identities.azure)).document('federated-credential');
  sandbox.azure.createFederatedCredential({ tenant, client_id, document });
  const [gcp, direct] = [await trust(identities.gcp), await trust(identities.direct)];
  for (const [provider, { document: of }] of Object.entries({ impersonated: gcp, direct }))
    sandbox.google.createProvider({ project_number, pool, provider, document: of('provider') });
  sandbox.google.createServiceAccount({ email: serviceAccount, policy: gcp.document('service-account-policy') });
  return identities;
}

export async function trustOf(owner: Client, identity: string, workspace: string) {
  const trust = await owner.send('GET', `/managed-identities/${identity}/trust?workspace=${workspace}`);
  return {
    subject: String(trust.subject),
    audience: String(trust.audience),
    document: (name: string): string => trust.documents.find((one: Body) => one.name === name).text,
  };
}
