import { ArsiaError } from '../../core/errors.ts';
import { type EndpointSetting, type EndpointValues, endpointUrl, parseList } from '../endpoints.ts';
import { findPartition, formatStsEndpoint, isAwsRole, parseRoleArn } from './names.ts';
import type { AwsSettings } from './settings.ts';

export const endpoints = {
  /** STS URLs in addition to those of AWS. The first is the default of identities without one. */
  aws_sts: {
    variable: 'ARSIA_AWS_STS_ENDPOINTS',
    meaning: 'further STS endpoints, comma-separated: Ceph RGW, MinIO',
    default: '',
    parse: parseList(endpointUrl),
  },
} as const satisfies Record<string, EndpointSetting>;

export type AwsEndpoints = EndpointValues<typeof endpoints>;

/** Hosts of AWS itself: ARSIA_EXTRA_CA_FILE does not apply to them by default. */
export const ownHosts = ['amazonaws.com', 'amazonaws.com.cn', 'amazonaws.eu', 'api.aws'];

/**
 * Returns the STS endpoint of an identity: the one in its settings, which the operator must list; otherwise the first that
 * the operator lists; otherwise that of the role's partition at AWS. Neither settings of the identity nor variables of the
 * SDK can add another (N29). Throws `invalid_request` where the operator lists no such endpoint.
 */
export function chooseEndpoint(settings: AwsSettings, { aws_sts }: AwsEndpoints): { url: string; region: string } {
  const role = parseRoleArn(settings.role_arn)!;
  const partition = findPartition(role);
  const region = settings.region ?? partition?.region ?? 'us-east-1';
  const named = settings.sts_endpoint;
  if (named !== undefined && !aws_sts.includes(named))
    throw new ArsiaError('invalid_request', `The operator does not list the STS endpoint ${named}.`, {
      advice: `Set sts_endpoint of the identity to one of ${aws_sts.join(', ') || 'none (the operator lists no endpoint)'}, or ask the operator to add it to ARSIA_AWS_STS_ENDPOINTS.`,
      fields: [{ pointer: '/settings/sts_endpoint', detail: 'is not listed by the operator' }],
    });
  const listed = named ?? aws_sts[0];
  if (listed !== undefined) return { url: listed, region };
  if (partition === undefined || !isAwsRole(role))
    throw new ArsiaError('invalid_request', `${role.arn} is not an AWS role, and the operator lists no STS endpoint.`, {
      advice: 'Ask the operator to add the STS of Ceph RGW or MinIO to ARSIA_AWS_STS_ENDPOINTS.',
    });
  return { url: formatStsEndpoint(partition, region), region };
}
