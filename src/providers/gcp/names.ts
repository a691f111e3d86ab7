import type { GcpSettings } from './settings.ts';

/** Names of workload identity federation (cloud-facts.md 3.1, 3.3). */

function poolPath({ project_number, pool }: GcpSettings): string {
  return `iam.googleapis.com/projects/${project_number}/locations/global/workloadIdentityPools/${pool}`;
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
