import type { Provider } from '../provider.ts';
import { assertion, namesUser } from './assertion.ts';
import { evaluate } from './evaluate.ts';
import { check, describe, exchange } from './exchange.ts';
import { explain, isTransient } from './explain.ts';
import { type AwsSettings, settings } from './settings.ts';
import { trust } from './trust.ts';

/** Amazon Web Services, and the STS look-alikes of Ceph RGW and MinIO that the operator lists. */
export const aws: Provider<AwsSettings> = {
  type: 'aws',
  title: 'AWS',
  settings,
  federated: { assertion, namesUser, trust, evaluate },
  exchanging: { check, exchange, isTransient, explain, describe },
};
