import { findIssuerFault } from './issuerurl.ts';
import { developmentHosts } from './loopback.ts';

/** The one message for every fault of an issuer URL, so that refusals cannot be used to probe internal addresses. */
export const issuerRule =
  'must be the https URL of a public host, on port 443 or one from 1024 on, without user name, query or fragment, such as https://token.actions.githubusercontent.com';

const maximumLength = 512;
/** A host name with a dot whose last label is not numeric: never an IP address in any notation (RFC 1123 2.1). */
const hostPattern = /^(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * Returns whether a URL may be the issuer of outside tokens. Issuers are compared byte for byte. One trailing slash is allowed,
 * because the issuers of Auth0 and Microsoft have it. `allowLoopback` is for development only.
 */
export function isOutsideIssuer(value: string, allowLoopback: boolean): boolean {
  const plain = value.endsWith('/') ? value.slice(0, -1) : value;
  return findIssuerFault(plain) === undefined && isDocumentUrl(value, allowLoopback);
}

/**
 * Returns whether Arsia may fetch from a URL. Checks the text only; the fetch checks the addresses that the host resolves to.
 */
export function isDocumentUrl(value: string, allowLoopback: boolean): boolean {
  const url = value.length <= maximumLength ? URL.parse(value) : null;
  if (url === null || url.username !== '' || url.password !== '' || value.includes('#')) return false;
  if (Object.hasOwn(developmentHosts, url.hostname)) return allowLoopback && /^https?:$/.test(url.protocol);
  return url.protocol === 'https:' && hostPattern.test(url.hostname) && (url.port === '' || Number(url.port) >= 1024);
}

/** Returns the URL of an issuer's discovery document (OpenID Connect Discovery 1.0, section 4). */
export function formatDiscoveryUrl(issuer: string): string {
  return `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
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
 * Issuers that serve many customers, and the claims that identify the customer. A trust rule must have a condition on one of
 * these claims that matches the pattern (the part before its first `*`); otherwise it would admit every customer of the issuer.
 */
export const sharedIssuers: Readonly<Record<string, SharedIssuer>> = {
  'https://token.actions.githubusercontent.com': {
    title: 'GitHub Actions',
    // Not job_workflow_ref: any repository may call a public reusable workflow.
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
