import type { Role } from '../../src/core/permissions.ts';
import type { Body } from '../support/client.ts';
import { createAccount, createIdentity, type Job, type Organization, startJob } from '../support/organization.ts';

/** One thing of each kind in an organisation, by id: what requests name. */
export interface Things {
  group: string;
  workspace: string;
  user: string;
  account: string;
  secret: string;
  right: string;
  trust: string;
  membership: string;
  identity: string;
  /** In the same group, not assigned. */
  unassigned: string;
  grant: string;
  job: string;
}

export type Kind = keyof Things;

/** How a route is called: what its parameters, query and body name, and the least role that opens it. */
export interface Case {
  params?: Record<string, Kind>;
  query?: Record<string, Kind>;
  /** Members that name things. */
  refs?: Record<string, Kind>;
  /** The other members. `n` differs from call to call. */
  body?: (n: number) => Body;
  /** The least role on the organisation that opens it; `job`: the token of the job; `anyone`: it proves itself. */
  least: Role | 'job' | 'anyone';
  /** Opens to the job of `things.job` as well. */
  opensToJob?: boolean;
  /** Opens to operators as well. */
  opensToOperator?: boolean;
  /** A list of what the caller may see: nobody is refused who belongs to the organisation. */
  isList?: boolean;
}

const id = (kind: Kind) => ({ id: kind });
const policy = JSON.stringify({
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Principal: { Federated: 'arn:aws:iam::111122223333:oidc-provider/x.example' },
      Action: 'sts:AssumeRoleWithWebIdentity',
    },
  ],
});

const trustRule = (host: string) => ({
  issuer: `https://${host}.example`,
  audience: 'https://arsia.example',
  conditions: [{ claim: 'sub', equals: 'pipeline' }],
});

/** One case a route, by method and path. A route without one fails the test that walks the table. */
export const cases: Record<string, Case> = {
  'POST /tokens': { least: 'job', refs: { managed_identity: 'identity' } },
  'POST /credentials': { least: 'job', refs: { managed_identity: 'identity' } },

  'POST /groups': { least: 'owner', refs: { parent: 'group' }, body: (n) => ({ name: `g${n}` }) },
  'GET /groups': { least: 'viewer', isList: true, opensToOperator: true },
  'GET /groups/:id': { least: 'viewer', params: id('group') },
  'PATCH /groups/:id': { least: 'owner', params: id('group'), body: () => ({ description: 'changed' }) },
  'DELETE /groups/:id': { least: 'owner', params: id('group') },

  'POST /workspaces': { least: 'owner', refs: { group: 'group' }, body: (n) => ({ name: `w${n}` }) },
  'GET /workspaces': { least: 'viewer', isList: true, opensToOperator: true },
  'GET /workspaces/:id': { least: 'viewer', params: id('workspace') },
  'PATCH /workspaces/:id': { least: 'owner', params: id('workspace'), body: () => ({ description: 'changed' }) },
  'DELETE /workspaces/:id': { least: 'owner', params: id('workspace') },
  'GET /workspaces/:id/managed-identities': { least: 'viewer', params: id('workspace'), opensToJob: true },
  'POST /workspaces/:id/managed-identities': {
    least: 'deployer',
    params: id('workspace'),
    refs: { managed_identity: 'unassigned' },
    body: (n) => ({ profile: `p${n}` }),
  },
  'DELETE /workspaces/:id/managed-identities/:identity': {
    least: 'deployer',
    params: { id: 'workspace', identity: 'identity' },
  },

  'POST /users': { least: 'owner', body: (n) => ({ login: `new${n}@acme.example` }) },
  'GET /users': { least: 'viewer', isList: true, opensToOperator: true },
  'GET /users/:id': { least: 'viewer', params: id('user') },
  'PATCH /users/:id': { least: 'owner', params: id('user'), body: () => ({ display_name: 'changed' }) },

  'POST /service-accounts': { least: 'owner', refs: { group: 'group' }, body: (n) => ({ name: `s${n}` }) },
  'GET /service-accounts': { least: 'viewer', isList: true, opensToOperator: true },
  'GET /service-accounts/:id': { least: 'viewer', params: id('account') },
  'PATCH /service-accounts/:id': { least: 'owner', params: id('account'), body: () => ({ description: 'changed' }) },
  'POST /service-accounts/:id/secrets': { least: 'owner', params: id('account') },
  'DELETE /service-accounts/:id/secrets/:secret': { least: 'owner', params: { id: 'account', secret: 'secret' } },
  'POST /service-accounts/:id/may-act': {
    least: 'owner',
    params: id('account'),
    refs: { namespace: 'workspace' },
    body: () => ({ users: ['*'] }),
  },
  'POST /service-accounts/:id/trust-rules': { least: 'owner', params: id('account'), body: (n) => trustRule(`n${n}`) },
  'GET /service-accounts/:id/trust-rules': { least: 'owner', params: id('account') },
  'DELETE /service-accounts/:id/trust-rules/:rule': { least: 'owner', params: { id: 'account', rule: 'trust' } },
  'GET /service-accounts/:id/may-act': { least: 'viewer', params: id('account') },
  'DELETE /service-accounts/:id/may-act/:right': { least: 'owner', params: { id: 'account', right: 'right' } },

  'POST /memberships': {
    least: 'owner',
    refs: { namespace: 'group', principal: 'user' },
    body: () => ({ role: 'viewer' }),
  },
  'GET /memberships': { least: 'viewer', query: { namespace: 'workspace' } },
  'PATCH /memberships/:id': { least: 'owner', params: id('membership'), body: () => ({ role: 'owner' }) },
  'DELETE /memberships/:id': { least: 'owner', params: id('membership') },

  'POST /managed-identities': {
    least: 'deployer',
    refs: { group: 'group' },
    body: (n) => ({ name: `i${n}`, type: 'oidc', settings: { audience: `https://n${n}.example` } }),
  },
  'GET /managed-identities': { least: 'viewer', isList: true, opensToOperator: true },
  'GET /managed-identities/:id': { least: 'viewer', params: id('identity') },
  'PATCH /managed-identities/:id': {
    least: 'deployer',
    params: id('identity'),
    body: () => ({ description: 'changed' }),
  },
  'DELETE /managed-identities/:id': { least: 'deployer', params: id('unassigned') },
  'GET /managed-identities/:id/trust': { least: 'viewer', params: id('identity'), query: { workspace: 'workspace' } },
  'POST /managed-identities/:id/trust/evaluate': {
    least: 'viewer',
    params: id('identity'),
    refs: { workspace: 'workspace', user: 'user' },
    body: () => ({ document: policy }),
  },
  'GET /managed-identities/:id/claims': {
    least: 'viewer',
    params: id('identity'),
    query: { workspace: 'workspace', user: 'user' },
  },
  'POST /managed-identities/:id/grants': { least: 'owner', params: id('identity'), refs: { principal: 'user' } },
  'GET /managed-identities/:id/grants': { least: 'viewer', params: id('identity') },
  'DELETE /managed-identities/:id/grants/:grant': {
    least: 'owner',
    params: { id: 'identity', grant: 'grant' },
  },

  'POST /workspaces/:id/jobs': { least: 'deployer', params: id('workspace'), body: () => ({ stage: 'run' }) },
  'GET /workspaces/:id/jobs': { least: 'viewer', params: id('workspace') },
  'GET /workspaces/:id/jobs/:job': { least: 'viewer', params: { id: 'workspace', job: 'job' }, opensToJob: true },
  'PATCH /workspaces/:id/jobs/:job': {
    least: 'owner',
    params: { id: 'workspace', job: 'job' },
    body: () => ({ state: 'ended' }),
    opensToJob: true,
  },

  'GET /audit-events': { least: 'owner', opensToOperator: true },
  'POST /admin-links/redeem': { least: 'anyone', body: () => ({ token: `arsia_link_${'x'.repeat(43)}` }) },
};

let made = 0;

/** New things, for a call that changes them: an empty group, a workspace with an identity and a job that runs. */
export async function makeThings(organization: Organization): Promise<{ things: Things; job: Job }> {
  const { owner, name } = organization;
  const n = ++made;
  const group = (await owner.send('POST', '/groups', { name: `t${n}`, parent: name })).id;
  const workspace = (await owner.send('POST', '/workspaces', { name: `t${n}`, group: organization.group })).id;
  const user = (await owner.send('POST', '/users', { login: `t${n}@${name}.example` })).id;
  const membership = await owner.send('POST', '/memberships', {
    namespace: workspace,
    principal: user,
    role: 'deployer',
  });
  const account = await createAccount(owner, organization.group, `t${n}`);
  const right = await owner.send('POST', `/service-accounts/${account.id}/may-act`, {
    namespace: workspace,
    users: ['*'],
  });
  const trust = await owner.send('POST', `/service-accounts/${account.id}/trust-rules`, trustRule(`t${n}`));
  const place = { ...organization, workspaceId: workspace };
  const identity = await createIdentity(place, {
    name: `t${n}`,
    type: 'aws',
    settings: { role_arn: `arn:aws:iam::111122223333:role/t${n}` },
    delivery: 'both',
  });
  const unassigned = await owner.send('POST', '/managed-identities', {
    group: organization.group,
    name: `u${n}`,
    type: 'kubernetes',
    settings: { audience: `https://u${n}.${name}.example` },
  });
  const grant = await owner.send('POST', `/managed-identities/${identity.id}/grants`, { principal: '*' });
  const job = await startJob(organization, { user }, workspace);
  const things: Things = {
    group,
    workspace,
    user,
    account: account.id,
    secret: account.secretId,
    right: right.id,
    trust: trust.id,
    membership: membership.id,
    identity: identity.id,
    unassigned: unassigned.id,
    grant: grant.id,
    job: job.id,
  };
  return { things, job };
}

let calls = 0;

/** The request of a case about these things: its path with query, and its body. */
export function requestOf(key: string, things: Things): { method: string; path: string; body: Body | undefined } {
  const { params = {}, query = {}, refs = {}, body } = cases[key]!;
  const [method = '', template = ''] = key.split(' ');
  const named = (kinds: Record<string, Kind>) => Object.entries(kinds).map(([name, kind]) => [name, things[kind]]);
  const parameters: Record<string, string> = Object.fromEntries(named(params));
  const search = new URLSearchParams(named(query) as [string, string][]).toString();
  const path = template.replace(/:(\w+)/g, (_match, name: string) => encodeURIComponent(parameters[name]!));
  const hasBody = body !== undefined || Object.keys(refs).length > 0;
  return {
    method,
    path: search === '' ? path : `${path}?${search}`,
    body: hasBody ? { ...body?.(++calls), ...Object.fromEntries(named(refs)) } : undefined,
  };
}
