import type { Provider } from '../provider.ts';
import { assertion } from './assertion.ts';
import { evaluate } from './evaluate.ts';
import { check, describe, endpointOf, exchange } from './exchange.ts';
import { explain, isTransient } from './explain.ts';
import { type GcpSettings, settings } from './settings.ts';
import { trust } from './trust.ts';

/** Google Cloud: workload identity federation, directly or as a service account. */
export const gcp: Provider<GcpSettings> = {
  type: 'gcp',
  title: 'Google Cloud',
  settings,
  federated: { assertion, trust, evaluate },
  exchanging: { check, endpointOf, exchange, isTransient, explain, describe },
};
