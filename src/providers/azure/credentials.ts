import { z } from 'zod';
import { ArsiaError } from '../../core/errors.ts';
import { mustBe } from '../fields.ts';
import type { CloudCredentials } from '../provider.ts';
import { noDuration } from '../request.ts';
import { type AzureEndpoints, chooseAuthority } from './endpoints.ts';
import { type AzureSettings, scopeExample, scopePattern, scopeRule } from './settings.ts';

/** Schema of the Azure options of a credentials request. */
export const request = z.strictObject({
  scope: z
    .string()
    .min(1)
    .max(512)
    .optional()
    .meta({
      description: 'The scope of the access token. Default: the scope of the identity.',
      examples: ['https://management.azure.com/.default'],
    }),
});

export type AzureRequest = { duration?: number | undefined; azure?: z.output<typeof request> | undefined };

export const answer = {
  access_token: z
    .string()
    .meta({ description: 'The access token of Entra ID, for `Authorization: Bearer`.', examples: ['eyJ...'] }),
  scope: z.string().meta({
    description: 'The scope of the access token.',
    examples: ['https://management.azure.com/.default'],
  }),
  client_id: z.string().meta({
    description: 'The application or managed identity at Azure.',
    examples: ['22222222-3333-4444-8555-666666666666'],
  }),
  tenant_id: z
    .string()
    .meta({ description: 'The tenant at Azure.', examples: ['11111111-2222-4333-8444-555555555555'] }),
};

export function check(settings: AzureSettings, { duration, azure }: AzureRequest, endpoints?: AzureEndpoints): void {
  const fields = noDuration(duration, 'Entra sets the life of access tokens');
  if (azure?.scope !== undefined && !scopePattern.test(azure.scope))
    fields.push({ pointer: '/azure/scope', detail: mustBe(scopeRule, scopeExample) });
  if (fields.length > 0) throw new ArsiaError('invalid_request', 'Azure would refuse this request.', { fields });
  if (endpoints !== undefined) chooseAuthority(settings, endpoints);
}

export function describe({ client_id, tenant_id, scope }: CloudCredentials): Record<string, string> {
  return { client_id: client_id!, tenant_id: tenant_id!, scope: scope! };
}
