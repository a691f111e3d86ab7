import { lazily } from '../lazily.ts';
import type { Provider } from '../provider.ts';
import { assertion } from './assertion.ts';
import { answer, check, describe, request } from './credentials.ts';
import { type AzureEndpoints, chooseAuthority, endpoints, ownHosts } from './endpoints.ts';
import { evaluate } from './evaluate.ts';
import { explain, isTransient } from './explain.ts';
import { type AzureSettings, settings } from './settings.ts';
import { trust } from './trust.ts';

/** Microsoft Entra: applications and user-assigned managed identities with a federated credential. */
export const azure: Provider<AzureSettings> = {
  type: 'azure',
  title: 'Azure',
  settings,
  answer,
  federated: { ownAudiences: [/^api:\/\/AzureADTokenExchange/i], assertion, trust, evaluate },
  exchanging: {
    ...lazily(() => import('./exchange.ts')),
    request,
    endpoints,
    ownHosts,
    check,
    chooseEndpoint: (settings, listed) => chooseAuthority(settings, listed as AzureEndpoints),
    isTransient,
    explain,
    describe,
  },
};
