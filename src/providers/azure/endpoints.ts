import { ArsiaError } from '../../core/errors.ts';
import { type EndpointSetting, type EndpointValues, endpointUrl, parseList } from '../endpoints.ts';
import { clouds } from './clouds.ts';
import type { AzureSettings } from './settings.ts';

export const endpoints = {
  azure_authority_hosts: {
    variable: 'ARSIA_AZURE_AUTHORITY_HOSTS',
    meaning: 'further authority hosts, comma-separated',
    default: '',
    parse: parseList(httpsUrl),
  },
} as const satisfies Record<string, EndpointSetting>;

export type AzureEndpoints = EndpointValues<typeof endpoints>;

/** Hosts of Entra itself: ARSIA_EXTRA_CA_FILE does not apply to them by default. */
export const ownHosts = ['login.microsoftonline.com', 'login.microsoftonline.us', 'login.partner.microsoftonline.cn'];

/**
 * Returns the authority: the cloud's own, unless the operator lists hosts without it; then the first listed one. Neither a
 * request nor a setting of an identity can add another (N29). Throws `invalid_request` for a cloud without an authority.
 */
export function chooseAuthority({ cloud }: AzureSettings, { azure_authority_hosts: listed }: AzureEndpoints): string {
  const own = clouds[cloud].authority;
  const authority = own !== undefined && listed.includes(own) ? own : (listed[0] ?? own);
  if (authority !== undefined) return authority;
  throw new ArsiaError('invalid_request', `Arsia knows no authority of the Azure cloud ${cloud}.`, {
    advice: 'Ask the operator to add its authority host to ARSIA_AZURE_AUTHORITY_HOSTS.',
  });
}

function httpsUrl(text: string): string {
  if (!text.startsWith('https://'))
    throw new Error(`must be https, such as https://login.example.com; it is ${JSON.stringify(text)}`);
  return endpointUrl(text);
}
