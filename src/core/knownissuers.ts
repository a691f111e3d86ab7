import { normalizeIssuer } from './issuerurl.ts';

/** An issuer that serves many customers. */
export interface SharedIssuer {
  title: string;
  /** The claims that name the customer, and what a condition on one must match before its first `*`. */
  owner: Readonly<Record<string, RegExp>>;
  /** The audiences that name the customer, where the issuer chooses them. */
  audience?: RegExp;
}

const uuid = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const name = /^[\w.-]+$/;
const email = /^[^@*\s]+@[^@*\s]+$/;

const github: SharedIssuer = {
  title: 'GitHub Actions',
  // Not job_workflow_ref: any repository may call a public reusable workflow.
  owner: {
    repository: /^[\w.-]+\//,
    repository_id: /^\d+$/,
    repository_owner: name,
    repository_owner_id: /^\d+$/,
    enterprise: name,
    enterprise_id: /^\d+$/,
    sub: /^(?:repo|repository|repository_id|repository_owner|repository_owner_id|enterprise|enterprise_id):[^:/*]+(?:[:/]|$)/,
  },
};

const terraform: SharedIssuer = {
  title: 'HCP Terraform',
  owner: {
    terraform_organization_name: /^[\w-]+$/,
    terraform_organization_id: /^org-\w+$/,
    terraform_workspace_id: /^ws-\w+$/,
    sub: /^organization:[\w-]+:/,
  },
};

const microsoftPersonal: SharedIssuer = {
  title: 'Microsoft personal accounts',
  owner: { sub: /^[\w-]{20,}$/, oid: new RegExp(`^${uuid}$`) },
};

const cognitoId = new RegExp(`^[a-z]{2}(?:-[a-z]+)+-\\d:${uuid}$`);

/**
 * Shared issuers, as `normalizeIssuer` spells them. A trust rule must have a condition on one of the claims that matches;
 * otherwise it would admit every customer of the issuer. Those of AWS's list of shared issuers are among them.
 */
const sharedIssuers: Readonly<Record<string, SharedIssuer>> = {
  'https://token.actions.githubusercontent.com': github,
  'https://vstoken.actions.githubusercontent.com': github,
  'https://oidc-configuration.audit-log.githubusercontent.com': {
    title: 'GitHub audit log streaming',
    owner: { sub: /^https:\/\/github\.com\/[\w.-]+$/ },
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
  'https://api.pulumi.com/oidc': {
    title: 'Pulumi Cloud',
    owner: { sub: /^pulumi:[a-z]+:(?:org|pulumi\.organization\.login):[\w-]+(?::|$)/ },
  },
  'https://api.pulumi.com/oidc/v2': {
    title: 'Pulumi Cloud',
    owner: { 'https://pulumi.com/org': name, 'https://pulumi.com/org_id': /^[\w-]+$/ },
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
  'https://oidc.codefresh.io': {
    title: 'Codefresh',
    owner: { account_id: /^[0-9a-f]{24}$/, sub: /^account:[0-9a-f]{24}:/ },
  },
  'https://proidc.upbound.io': { title: 'Upbound', owner: { sub: /^mcp:[\w-]+\// } },
  'https://scalr.io': { title: 'Scalr', owner: { sub: /^account:[\w.-]+:/ } },
  // A team that chose the issuer mode `team` has an issuer of its own below this one.
  'https://oidc.vercel.com': {
    title: 'Vercel',
    owner: { owner: /^[\w-]+$/, owner_id: /^team_\w+$/, project_id: /^prj_\w+$/, sub: /^owner:[\w-]+:/ },
  },
  'https://studio.datachain.ai/api': { title: 'DataChain Studio', owner: { sub: /^credentials:[\w.-]+\// } },
  'https://tokens.cloud.shisho.dev': { title: 'Shisho Cloud', owner: { sub: /^job:[\w-]+(?::|$)/ } },
  'https://login.app.env0.com': { title: 'env0', owner: { sub: /^[\w.@|-]+$/ } },
  'https://identity.depot.dev': { title: 'Depot', owner: { org_id: /^org_\w+$/ } },
  'https://oidc.modal.com': {
    title: 'Modal',
    owner: { workspace_id: /^[a-z]{2}-\w+$/, sub: /^modal:workspace_id:[\w-]+(?::|$)/ },
  },
  'https://issuer.enforce.dev': { title: 'Chainguard', owner: { sub: /^(?:[a-z-]+:)?[0-9a-f]{40}(?:\/|$)/ } },
  'https://oauth2.sigstore.dev/auth': { title: 'Sigstore', owner: { email, sub: /^[\w-]{16,}$/ } },
  'https://cognito-identity.amazonaws.com': {
    title: 'Amazon Cognito',
    owner: { sub: cognitoId },
    audience: cognitoId,
  },
  'https://accounts.google.com': { title: 'Google', owner: { sub: /^\d+$/ } },
  'https://appleid.apple.com': { title: 'Apple', owner: { sub: /^\d{6}\.[0-9a-f]{32}\.\d{4}$/, email } },
  'https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0': microsoftPersonal,
  'https://sts.windows.net/9188040d-6c67-4c5b-b112-36a304b66dad': microsoftPersonal,
};

/** Issuers that each serve one customer, whom the issuer itself names: an account, an organisation, a tenant, a cluster. */
const dedicatedIssuers: readonly RegExp[] = [
  /^https:\/\/[0-9a-z-]+\.tokens\.sts\.global\.api\.aws$/,
  /^https:\/\/token\.actions\.githubusercontent\.com\/[\w-]+$/,
  /^https:\/\/oidc\.vercel\.com\/[\w-]+$/,
  /^https:\/\/oidc\.circleci\.com\/org\/[\w-]+$/,
  /^https:\/\/oidc\.fly\.io\/[\w-]+$/,
  /^https:\/\/api\.bitbucket\.org\/2\.0\/workspaces\/[\w.-]+\/pipelines-config\/identity\/oidc$/,
  /^https:\/\/[\w-]+\.app\.spacelift\.io$/,
  new RegExp(`^https://vstoken\\.dev\\.azure\\.com/${uuid}$`),
  new RegExp(`^https://login\\.microsoftonline\\.com/${uuid}/v2\\.0$`),
  new RegExp(`^https://sts\\.windows\\.net/${uuid}$`),
  new RegExp(`^https://[a-z0-9]+\\.oic\\.prod-aks\\.azure\\.com/${uuid}/${uuid}$`),
  /^https:\/\/oidc\.eks\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?\/id\/[0-9A-Z]+$/,
  /^https:\/\/cognito-idp\.[a-z0-9-]+\.amazonaws\.com\/[\w-]+$/,
  /^https:\/\/container\.googleapis\.com\/v1\/projects\/[\w:.-]+\/(?:locations|zones)\/[\w-]+\/clusters\/[\w-]+$/,
];

/** Returns the entry of a shared issuer, in any spelling of it; undefined for others. */
export function findSharedIssuer(issuer: string): SharedIssuer | undefined {
  const normal = normalizeIssuer(issuer);
  return Object.hasOwn(sharedIssuers, normal) ? sharedIssuers[normal] : undefined;
}

/** Returns whether Arsia knows whom the tokens of an issuer may belong to. */
export function isKnownIssuer(issuer: string): boolean {
  const normal = normalizeIssuer(issuer);
  return Object.hasOwn(sharedIssuers, normal) || dedicatedIssuers.some((pattern) => pattern.test(normal));
}
