import type { GcpSettings } from './settings.ts';

/** Names of workload identity federation (cloud-facts.md 3.1, 3.3). */

/** The resource name of the pool. */
export function poolName({ project_number, pool }: GcpSettings): string {
  return `projects/${project_number}/locations/global/workloadIdentityPools/${pool}`;
}

function poolPath(settings: GcpSettings): string {
  return `iam.googleapis.com/${poolName(settings)}`;
}

/**
 * Returns the id of the project of a service account: of NAME@PROJECT.iam.gserviceaccount.com (for PROJECT.DOMAIN it is
 * DOMAIN:PROJECT) and PROJECT@appspot.gserviceaccount.com. The addresses of Google's own agents do not tell it.
 */
export function projectIdOf(serviceAccount: string): string | undefined {
  const [, own, domain] = /^[^@]+@([a-z0-9-]+)(?:\.(.+))?\.iam\.gserviceaccount\.com$/.exec(serviceAccount) ?? [];
  if (own !== undefined) return domain === undefined ? own : `${domain}:${own}`;
  return /^([a-z0-9-]+)@appspot\.gserviceaccount\.com$/.exec(serviceAccount)?.[1];
}

/** Returns the provider's resource name, the audience in a request to Google's STS. */
export function providerName(settings: GcpSettings): string {
  return `//${poolPath(settings)}/providers/${settings.provider}`;
}

/** Returns the audience of workload tokens: the provider's URL, which Google accepts by default. */
export function formatAudience(settings: GcpSettings): string {
  return `https:${providerName(settings)}`;
}

/** Returns the member of IAM policies for one subject. */
export function formatPrincipal(settings: GcpSettings, subject: string): string {
  return `principal://${poolPath(settings)}/subject/${subject}`;
}

/** Returns the member of IAM policies for all subjects with the value of a mapped attribute. */
export function formatPrincipalSet(settings: GcpSettings, attribute: string, value: string): string {
  return `principalSet://${poolPath(settings)}/attribute.${attribute}/${value}`;
}
