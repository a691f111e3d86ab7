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

/** The audience that Google's STS is asked for: the provider's resource name. */
export function providerName(settings: GcpSettings): string {
  return `//${poolPath(settings)}/providers/${settings.provider}`;
}

/** The audience of our token: the provider's URL, which Google takes without being told. */
export function audienceOf(settings: GcpSettings): string {
  return `https:${providerName(settings)}`;
}

/** One subject, as a member of IAM policies. */
export function principalOf(settings: GcpSettings, subject: string): string {
  return `principal://${poolPath(settings)}/subject/${subject}`;
}

/** All who have the value of a mapped attribute. */
export function principalSetOf(settings: GcpSettings, attribute: string, value: string): string {
  return `principalSet://${poolPath(settings)}/attribute.${attribute}/${value}`;
}
