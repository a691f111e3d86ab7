import { ArsiaError } from '../../core/errors.ts';
import { type EndpointSetting, type EndpointValues, endpointUrl, listOf } from '../endpoints.ts';
import { isAwsRole, parseRoleArn, partitionOf, stsEndpointOf } from './names.ts';
import type { AwsSettings } from './settings.ts';

export const endpoints = {
  /** STS URLs beyond AWS's own; the first is the default for identities that name none. */
  aws_sts: {
    variable: 'ARSIA_AWS_STS_ENDPOINTS',
    meaning: 'further STS endpoints, comma-separated: Ceph RGW, MinIO',
    default: '',
    parse: listOf(endpointUrl),
  },
} as const satisfies Record<string, EndpointSetting>;

export type AwsEndpoints = EndpointValues<typeof endpoints>;

/** Hosts of AWS itself. ARSIA_EXTRA_CA_FILE does not apply to them. */
export const ownHosts = /(?:^|\.)amazonaws\.(?:com|com\.cn|eu)$/;

/**
 * Returns the STS endpoint for the token of an identity: the one that it names, if the operator lists it; else the first
 * that the operator lists; else AWS's own of the role's partition. Neither settings of the identity nor variables of the SDK
 * can add another (N29).
 */
export function endpointOf(settings: AwsSettings, { aws_sts }: AwsEndpoints): { url: string; region: string } {
  const role = parseRoleArn(settings.role_arn)!;
  const partition = partitionOf(role);
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
    throw new ArsiaError('invalid_request', `${role.arn} is no role of AWS, and the operator lists no STS endpoint.`, {
      advice: 'Ask the operator to add the STS of Ceph RGW or MinIO to ARSIA_AWS_STS_ENDPOINTS.',
    });
  return { url: stsEndpointOf(partition, region), region };
}
