import { ArsiaError } from '../core/errors.ts';
import { aws } from './aws/index.ts';
import { azure } from './azure/index.ts';
import type { EndpointSetting } from './endpoints.ts';
import { gcp } from './gcp/index.ts';
import { kubernetes } from './kubernetes/index.ts';
import { oidc } from './oidc/index.ts';
import type { Provider } from './provider.ts';

/** One line a kind. The contract suite judges a kind from the moment that its line stands here. */
export const providers: readonly Provider[] = [aws, azure, gcp, kubernetes, oidc];

export const providerTypes: readonly string[] = providers.map(({ type }) => type);

/** The endpoint settings of all kinds, by the names that `CloudEndpoints` has. */
export const endpointSettings: Readonly<Record<string, EndpointSetting>> = Object.assign(
  {},
  ...providers.map(({ exchanging }) => exchanging?.endpoints),
);

/** Loads the SDKs of all clouds. */
export async function loadSdks(): Promise<void> {
  await Promise.all(providers.map(({ exchanging }) => exchanging?.load()));
}

export function providerOf(type: string): Provider {
  const provider = providers.find((one) => one.type === type);
  if (provider !== undefined) return provider;
  throw new ArsiaError('invalid_request', `There is no kind of identity ${JSON.stringify(type)}.`, {
    advice: `Use one of ${providerTypes.join(', ')}.`,
    fields: [{ pointer: '/type', detail: `must be one of ${providerTypes.join(', ')}` }],
  });
}
