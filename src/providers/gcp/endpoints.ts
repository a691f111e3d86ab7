import { type EndpointSetting, type EndpointValues, endpointUrl } from '../endpoints.ts';
import type { GcpSettings } from './settings.ts';

export const endpoints = {
  google_sts: {
    variable: 'ARSIA_GOOGLE_STS_ENDPOINT',
    meaning: 'Google STS',
    default: 'https://sts.googleapis.com',
    parse: endpointUrl,
  },
  google_iam: {
    variable: 'ARSIA_GOOGLE_IAM_ENDPOINT',
    meaning: 'Google IAM credentials',
    default: 'https://iamcredentials.googleapis.com',
    parse: endpointUrl,
  },
} as const satisfies Record<string, EndpointSetting>;

export type GcpEndpoints = EndpointValues<typeof endpoints>;

/** Hosts of Google itself: a certificate authority of the operator's has no say about those. */
export const ownHosts = /(?:^|\.)googleapis\.com$/;

/** The one that answers last: through STS go all, and an account that hangs holds nobody's places there. */
export function endpointOf({ service_account }: GcpSettings, { google_sts, google_iam }: GcpEndpoints): string {
  return service_account === undefined ? google_sts : google_iam;
}
