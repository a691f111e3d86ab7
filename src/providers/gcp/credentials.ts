import { z } from 'zod';
import { ArsiaError } from '../../core/errors.ts';
import type { CloudCredentials } from '../provider.ts';
import { durationFault, noDuration } from '../request.ts';
import { findScopesFault, type GcpSettings, tokenDuration } from './settings.ts';

/** Schema of the Google options of a credentials request. */
export const request = z.strictObject({
  scopes: z
    .array(z.string().min(1).max(256))
    .min(1)
    .max(32)
    .optional()
    .meta({
      description: 'The scopes of the access token. Default: the scopes of the identity.',
      examples: [['https://www.googleapis.com/auth/cloud-platform']],
    }),
});

export type GcpRequest = { duration?: number | undefined; gcp?: z.output<typeof request> | undefined };

export const answer = {
  access_token: z
    .string()
    .meta({ description: 'The access token of Google, for `Authorization: Bearer`.', examples: ['ya29...'] }),
  service_account: z
    .string()
    .optional()
    .meta({
      description: 'The service account whose token it is. Left out for a federated token.',
      examples: ['deploy@acme-prod.iam.gserviceaccount.com'],
    }),
};

/** Throws `invalid_request` for a request that Google would refuse, before a token is made. */
export function check(settings: GcpSettings, { duration, gcp }: GcpRequest): void {
  const fields =
    settings.service_account === undefined
      ? noDuration(duration, 'without a service account Google sets the life of access tokens')
      : durationFault(duration, tokenDuration.minimum, settings.max_duration);
  const fault = gcp?.scopes === undefined ? undefined : findScopesFault(gcp.scopes);
  if (fault !== undefined) fields.push({ pointer: '/gcp/scopes', detail: fault });
  if (fields.length > 0) throw new ArsiaError('invalid_request', 'Google would refuse this request.', { fields });
}

export function describe({ service_account }: CloudCredentials): Record<string, string> {
  return service_account === undefined ? {} : { service_account };
}
