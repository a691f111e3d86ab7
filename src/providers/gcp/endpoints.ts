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

/** Hosts of Google itself: ARSIA_EXTRA_CA_FILE does not apply to them by default. */
export const ownHosts = ['googleapis.com'];

/**
 * Returns the endpoint whose places an exchange occupies: the last one that it calls. All exchanges call STS first, and an
 * impersonation that hangs must not occupy the places of others there.
 */
export function chooseEndpoint({ service_account }: GcpSettings, { google_sts, google_iam }: GcpEndpoints): string {
  return service_account === undefined ? google_sts : google_iam;
}
