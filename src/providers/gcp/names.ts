import type { GcpSettings } from './settings.ts';

/** Names of workload identity federation (cloud-facts.md 3.1, 3.3). */

function poolPath({ project_number, pool }: GcpSettings): string {
  return `iam.googleapis.com/projects/${project_number}/locations/global/workloadIdentityPools/${pool}`;
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
