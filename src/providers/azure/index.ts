import type { Provider } from '../provider.ts';
import { assertion } from './assertion.ts';
import { evaluate } from './evaluate.ts';
import { authorityOf, check, describe, exchange } from './exchange.ts';
import { explain, isTransient } from './explain.ts';
import { type AzureSettings, settings } from './settings.ts';
import { trust } from './trust.ts';

/** Microsoft Entra: applications and user-assigned managed identities with a federated credential. */
export const azure: Provider<AzureSettings> = {
  type: 'azure',
  title: 'Azure',
  settings,
  federated: { assertion, trust, evaluate },
  exchanging: { check, endpointOf: authorityOf, exchange, isTransient, explain, describe },
};
