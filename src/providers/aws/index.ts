import { lazily } from '../lazily.ts';
import type { Provider } from '../provider.ts';
import { assertion, listShownPaths, namesUser } from './assertion.ts';
import { answer, check, describe, request } from './credentials.ts';
import { type AwsEndpoints, chooseEndpoint, endpoints, ownHosts } from './endpoints.ts';
import { evaluate } from './evaluate.ts';
import { explain, isTransient } from './explain.ts';
import { mergeTrust } from './mergedtrust.ts';
import { review } from './review.ts';
import { type AwsSettings, settings } from './settings.ts';
import { trust } from './trust.ts';

/** Amazon Web Services, and the compatible STS of Ceph RGW and MinIO where the operator lists them. */
export const aws: Provider<AwsSettings> = {
  type: 'aws',
  title: 'AWS',
  settings,
  answer,
  federated: {
    ownAudiences: [/^aws(?::|$)/i, /(?:^|\.)amazonaws\.(?:com|com\.cn|eu)(?:$|[:/])/i],
    assertion,
    namesUser,
    listShownPaths,
    trust,
    mergeTrust,
    evaluate,
    review,
  },
  exchanging: {
    ...lazily(() => import('./exchange.ts')),
    request,
    endpoints,
    ownHosts,
    check,
    chooseEndpoint: (settings, listed) => chooseEndpoint(settings, listed as AwsEndpoints).url,
    isTransient,
    explain,
    describe,
  },
};
