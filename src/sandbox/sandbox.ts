import type { Clock } from '../core/clock.ts';
import { systemClock } from '../server/clock.ts';
import { makeServerIdentity } from './authority.ts';
import type { ProviderInput as AwsProviderInput, RoleInput } from './aws/accounts.ts';
import { makeAwsSts } from './aws/sts.ts';
import type { Directory } from './azure/directory.ts';
import { makeEntra } from './azure/entra.ts';
import type { Fault } from './faults.ts';
import { makeGoogle } from './google/google.ts';
import type { Resources } from './google/resources.ts';
import { fetchKeys } from './issuer.ts';
import { type Listener, listen, type RequestLog } from './listener.ts';

export type { Fault } from './faults.ts';
export type { Call, RequestLog } from './listener.ts';
export { Refusal } from './refusal.ts';

export const cloudNames = ['aws', 'azure', 'google'] as const;
export type CloudName = (typeof cloudNames)[number];

export interface SandboxOptions {
  /** The clock for tokens, caches and credentials. The default is the clock of the machine. */
  clock?: { now(): number };
  host?: '127.0.0.1';
  /** Milliseconds that a cloud waits for an issuer's discovery and JWKS together; default 5000 (cloud-facts.md 1.3). */
  issuer_budget?: number;
}

/** Three clouds on loopback. Methods that create resources throw `Refusal` where the cloud would refuse them. */
export interface Sandbox {
  aws: {
    endpoint: string;
    /** Returns the provider's ARN. */
    createOpenIdConnectProvider(input: AwsProviderInput): string;
    /** Returns the role's ARN. */
    createRole(input: RoleInput): string;
  };
  azure: Pick<Directory, 'createApplication' | 'createFederatedCredential'> & {
    /** `https://localhost:PORT`, behind `ca`. */
    authority_host: string;
  };
  google: Pick<Resources, 'createProvider' | 'createServiceAccount'> & {
    /** Base URLs of `/v1/token` and `/v1/projects/-/serviceAccounts/…`. */
    sts_endpoint: string;
    iam_endpoint: string;
  };
  /** The certificate of the local authority, PEM. */
  ca: string;
  requests: Readonly<Record<CloudName, RequestLog>>;
  /** Makes the next `times` (default 1) requests to a cloud hang or fail. */
  inject(cloud: CloudName, fault: Fault, times?: number): void;
  /** Removes faults that are not used yet. Requests that hang continue until their client or `close` ends them. */
  clearFaults(): void;
  close(): Promise<void>;
}

/** Starts AWS STS, Entra and Google on free ports. Their state is in memory only. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { clock: given = systemClock, host = '127.0.0.1', issuer_budget: budget = 5000 } = options;
  const clock: Clock = { now: () => given.now(), random: systemClock.random };
  const fetchIssuerKeys = (issuer: string) => fetchKeys(issuer, budget);
  const identity = makeServerIdentity();
  const sts = makeAwsSts(clock, fetchIssuerKeys);
  const entra = await makeEntra(clock, fetchIssuerKeys);
  const google = makeGoogle(clock, fetchIssuerKeys);
  const listeners: Record<CloudName, Listener> = {
    aws: await listen({ host, name: host, clock, cloud: () => sts.cloud }),
    azure: await listen({ host, name: 'localhost', clock, tls: identity, cloud: entra.cloudAt }),
    google: await listen({ host, name: host, clock, cloud: () => google.cloud }),
  };
  const all = Object.values(listeners);
  return {
    aws: { endpoint: listeners.aws.origin, ...sts.accounts },
    azure: { authority_host: listeners.azure.origin, ...entra.directory },
    google: { sts_endpoint: listeners.google.origin, iam_endpoint: listeners.google.origin, ...google.resources },
    ca: identity.ca,
    requests: { aws: listeners.aws.log, azure: listeners.azure.log, google: listeners.google.log },
    inject: (cloud, fault, times = 1) => listeners[cloud].faults.inject(fault, times),
    clearFaults: () => all.forEach(({ faults }) => void faults.clear()),
    async close() {
      await Promise.all(all.map((listener) => listener.close()));
    },
  };
}
