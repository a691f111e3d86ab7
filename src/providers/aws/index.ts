import type { Provider } from '../provider.ts';
import { assertion } from './assertion.ts';
import { evaluate } from './evaluate.ts';
import { check, describe, endpointOf, exchange } from './exchange.ts';
import { explain, isTransient } from './explain.ts';
import { type AwsSettings, settings } from './settings.ts';
import { trust } from './trust.ts';

/** Amazon Web Services, and the STS look-alikes of Ceph RGW and MinIO that the operator lists. */
export const aws: Provider<AwsSettings> = {
  type: 'aws',
  title: 'AWS',
  settings,
  federated: { assertion, trust, evaluate },
  exchanging: {
    check,
    endpointOf: (settings, endpoints) => endpointOf(settings, endpoints).url,
    exchange,
    isTransient,
    explain,
    describe,
  },
};
