import { listClaimPaths } from '../facts.ts';
import { lazily } from '../lazily.ts';
import type { Provider } from '../provider.ts';
import { assertion } from './assertion.ts';
import { answer, check, describe, request } from './credentials.ts';
import { chooseEndpoint, endpoints, type GcpEndpoints, ownHosts } from './endpoints.ts';
import { evaluate } from './evaluate.ts';
import { explain, isTransient } from './explain.ts';
import { type GcpSettings, settings } from './settings.ts';
import { trust } from './trust.ts';

/** Google Cloud: workload identity federation, directly or as a service account. */
export const gcp: Provider<GcpSettings> = {
  type: 'gcp',
  title: 'Google Cloud',
  settings,
  answer,
  federated: {
    ownAudiences: [/^(?:https?:)?\/\/iam\.googleapis\.com(?:$|\/)/i],
    assertion,
    listShownPaths: listClaimPaths,
    trust,
    evaluate,
  },
  exchanging: {
    ...lazily(() => import('./exchange.ts')),
    request,
    endpoints,
    ownHosts,
    check,
    chooseEndpoint: (settings, listed) => chooseEndpoint(settings, listed as GcpEndpoints),
    isTransient,
    explain,
    describe,
  },
};
