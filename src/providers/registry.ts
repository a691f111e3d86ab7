import { ArsiaError } from '../core/errors.ts';
import type { Delivery } from '../core/mintfacts.ts';
import { aws } from './aws/index.ts';
import { azure } from './azure/index.ts';
import type { EndpointSetting } from './endpoints.ts';
import { gcp } from './gcp/index.ts';
import { kubernetes } from './kubernetes/index.ts';
import { oidc } from './oidc/index.ts';
import type { Provider } from './provider.ts';

/** One line per kind. The contract suite tests every kind in this list. */
const kinds: readonly Provider<unknown>[] = [aws, azure, gcp, kubernetes, oidc];

/** All kinds. The type of their settings is known only inside their folders; outside it is `ReadSettings`. */
export const providers = kinds as readonly Provider[];

export const providerTypes: readonly string[] = providers.map(({ type }) => type);

/** The endpoint settings of all kinds, by the names that `CloudEndpoints` has. */
export const endpointSettings: Readonly<Record<string, EndpointSetting>> = Object.assign(
  {},
  ...providers.map(({ exchanging }) => exchanging?.endpoints),
);

/** The own hosts of all clouds. */
export const cloudHosts: readonly string[] = providers.flatMap(({ exchanging }) => exchanging?.ownHosts ?? []);

/** Returns whether a cloud reserves the audience, so that no identity of another kind may have it. */
export function isCloudAudience(audience: string): boolean {
  return providers.some(({ federated }) => federated?.ownAudiences?.some((pattern) => pattern.test(audience)) === true);
}

/**
 * Returns the delivery of identities that name none. Where nothing is exchanged the credential is the token, so that both
 * endpoints give the same away.
 */
export function defaultDelivery({ exchanging }: Pick<Provider, 'exchanging'>): Delivery {
  return exchanging === undefined ? 'both' : 'credentials';
}

/** Loads the SDKs of all clouds. */
export async function loadSdks(): Promise<void> {
  await Promise.all(providers.map(({ exchanging }) => exchanging?.load()));
}

export function findProvider(type: string): Provider | undefined {
  return providers.find((one) => one.type === type);
}

/** Returns the provider of a type that a request names. Throws `invalid_request`, which lists the types, for another one. */
export function requireProvider(type: string): Provider {
  const provider = findProvider(type);
  if (provider !== undefined) return provider;
  throw new ArsiaError('invalid_request', `There is no kind of identity ${JSON.stringify(type)}.`, {
    advice: `Use one of ${providerTypes.join(', ')}.`,
    fields: [{ pointer: '/type', detail: `must be one of ${providerTypes.join(', ')}` }],
  });
}
