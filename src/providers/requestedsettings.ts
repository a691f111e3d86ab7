import type { z } from 'zod';
import { ArsiaError, type FieldFault } from '../core/errors.ts';
import { describeIssue } from '../core/issuetexts.ts';
import { ownAudienceFault } from './audience.ts';
import type { Provider, ReadSettings } from './provider.ts';
import { isCloudAudience } from './registry.ts';

/** Parses the settings in a request by the schema of the provider. Throws `invalid_request`, which names the fields. */
export function parseSettings(provider: Provider, settings: unknown): ReadSettings {
  const parsed = provider.settings.safeParse(settings, { error: describeIssue });
  const fields = parsed.success ? audienceFaults(provider, parsed.data) : parsed.error.issues.flatMap(faultsOf);
  if (parsed.success && fields.length === 0) return parsed.data;
  throw new ArsiaError('invalid_request', `The settings of this ${provider.title} identity are not valid.`, { fields });
}

function faultsOf(issue: z.core.$ZodIssue): FieldFault[] {
  const pointer = ['/settings', ...issue.path.map(String)].join('/');
  return issue.code === 'unrecognized_keys'
    ? issue.keys.map((key) => ({ pointer: `${pointer}/${key.slice(0, 80)}`, detail: 'is not a setting of this kind' }))
    : [{ pointer, detail: issue.message }];
}

/** A rule for requests only: stored settings stay readable when a new kind reserves their audience. */
function audienceFaults({ federated }: Provider, settings: ReadSettings): FieldFault[] {
  const audience = federated?.freeAudience?.(settings);
  if (audience === undefined || !isCloudAudience(audience)) return [];
  return [{ pointer: '/settings/audience', detail: ownAudienceFault }];
}
