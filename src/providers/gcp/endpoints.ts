import { type EndpointSetting, type EndpointValues, endpointUrl } from '../endpoints.ts';

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
