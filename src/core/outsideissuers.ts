import { issuerFault, wellKnown } from './issuerurl.ts';

/** One text for whatever is wrong with an issuer's address, so that no refusal tells what stands at an address. */
export const issuerRule =
  'must be the https URL of a public host, on port 443 or one from 1024 on, without user name, query or fragment, such as https://token.actions.githubusercontent.com';

const maximumLength = 512;
const loopbackHosts: readonly string[] = ['127.0.0.1', '[::1]', 'localhost'];
/** A name with a dot whose last part is no number: never an IP address, in whatever spelling (RFC 1123 2.1). */
const hostPattern = /^(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * May this be the issuer of outside tokens? Written as it will be compared, byte for byte; one trailing slash is allowed,
 * since Auth0 and Microsoft have it. `allowLoopback` is for development alone.
 */
export function isOutsideIssuer(value: string, allowLoopback: boolean): boolean {
  const plain = value.endsWith('/') ? value.slice(0, -1) : value;
  return issuerFault(plain) === undefined && isDocumentUrl(value, allowLoopback);
}

/** May Arsia fetch from here? Looks at the text alone: what the name resolves to is judged when it is fetched. */
export function isDocumentUrl(value: string, allowLoopback: boolean): boolean {
  const url = value.length <= maximumLength ? URL.parse(value) : null;
  if (url === null || url.username !== '' || url.password !== '' || value.includes('#')) return false;
  if (loopbackHosts.includes(url.hostname)) return allowLoopback && /^https?:$/.test(url.protocol);
  return url.protocol === 'https:' && hostPattern.test(url.hostname) && (url.port === '' || Number(url.port) >= 1024);
}

/** Where an issuer describes itself (OpenID Connect Discovery 1.0, section 4). */
export function discoveryUrl(issuer: string): string {
  return `${issuer.replace(/\/$/, '')}${wellKnown.openid}`;
}

interface SharedIssuer {
  title: string;
  owner: Readonly<Record<string, RegExp>>;
}

const terraform: SharedIssuer = {
  title: 'HCP Terraform',
  owner: {
    terraform_organization_name: /^[\w-]+$/,
    terraform_organization_id: /^org-\w+$/,
    terraform_workspace_id: /^ws-\w+$/,
    sub: /^organization:[\w-]+:/,
  },
};

/**
 * Issuers from which anybody can get a token, and the claims that say whose a token is: how an exact value has to begin, and
 * a pattern before its first `*`, or the rule would let every customer of that issuer in.
 */
export const sharedIssuers: Readonly<Record<string, SharedIssuer>> = {
  'https://token.actions.githubusercontent.com': {
    title: 'GitHub Actions',
    // Not job_workflow_ref: everybody may call a public reusable workflow.
    owner: {
      repository: /^[\w.-]+\//,
      repository_id: /^\d+$/,
      repository_owner: /^[\w.-]+$/,
      repository_owner_id: /^\d+$/,
      enterprise: /^[\w.-]+$/,
      enterprise_id: /^\d+$/,
      sub: /^(?:repo|repository|repository_id|repository_owner|repository_owner_id|enterprise|enterprise_id):[^:/*]+(?:[:/]|$)/,
    },
  },
  'https://gitlab.com': {
    title: 'GitLab.com',
    owner: {
      project_path: /^[\w.-]+\//,
      project_id: /^\d+$/,
      namespace_path: /^[\w.-]+(?:\/|$)/,
      namespace_id: /^\d+$/,
      sub: /^project_path:[\w.-]+\//,
    },
  },
  'https://app.terraform.io': terraform,
  'https://app.eu.terraform.io': terraform,
  'https://api.pulumi.com/oidc/v2': {
    title: 'Pulumi Cloud',
    owner: { 'https://pulumi.com/org': /^[\w.-]+$/, 'https://pulumi.com/org_id': /^[\w-]+$/ },
  },
  'https://agent.buildkite.com': {
    title: 'Buildkite',
    owner: {
      organization_slug: /^[\w-]+$/,
      organization_id: /^[\w-]+$/,
      pipeline_id: /^[\w-]+$/,
      sub: /^organization:[\w-]+:/,
    },
  },
  'https://accounts.google.com': { title: 'Google', owner: { sub: /^\d+$/ } },
};
