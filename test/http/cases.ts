import type { Role } from '../../src/core/permissions.ts';
import type { Body } from '../support/client.ts';
import type { Things } from './things.ts';

export type Kind = keyof Things;

/** How to call a route: the things that its parameters, query and body name, and the lowest role that may call it. */
export interface Case {
  params?: Record<string, Kind>;
  query?: Record<string, Kind>;
  /** Query parameters that name no thing. */
  flags?: Record<string, string>;
  /** Members that name things. */
  refs?: Record<string, Kind>;
  /** The other members. `n` differs from call to call. */
  body?: (n: number) => Body;
  /**
   * The lowest role on the organisation that may call it. `job`: the token of the job; `anyone`: the body authenticates; `person`:
   * users of the organisation, but not service accounts; `operator`: only operators.
   */
  least: Role | 'job' | 'anyone' | 'person' | 'operator';
  /** The job of `things.job` may call it too. */
  opensToJob?: boolean;
  /** Operators may call it too. */
  opensToOperator?: boolean;
  /** A list of what the caller may see: it is never refused to members of the organisation. */
  isList?: boolean;
}

const id = (kind: Kind) => ({ id: kind });
const described = () => ({ description: 'changed' });
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
const trust = {
  issuer: 'https://token.actions.githubusercontent.com',
  audience: 'arsia',
  conditions: [{ claim: 'repository', equals: 'acme/sim' }],
};

/** One case for each route, by method and path. A test fails for a route without a case. */
export const cases: Record<string, Case> = {
  'POST /tokens': { least: 'job', refs: { managed_identity: 'identity' } },
  'POST /credentials': { least: 'job', refs: { managed_identity: 'identity' } },

  'POST /groups': { least: 'owner', refs: { parent: 'group' }, body: (n) => ({ name: `g${n}` }) },
  'GET /groups': { least: 'viewer', isList: true, opensToOperator: true },
  'GET /groups/:id': { least: 'viewer', params: id('group') },
  'PATCH /groups/:id': { least: 'owner', params: id('group'), body: described },
  'DELETE /groups/:id': { least: 'owner', params: id('group'), flags: { force: 'true' } },
  'POST /groups/:id/move': { least: 'owner', params: id('group'), refs: { parent: 'place' } },
  'GET /groups/:id/masks': { least: 'viewer', params: id('group') },
  'POST /groups/:id/masks': { least: 'owner', params: id('place'), refs: { managed_identity: 'ofRoot' } },
  'DELETE /groups/:id/masks/:identity': { least: 'owner', params: { id: 'group', identity: 'ofRoot' } },

  'POST /workspaces': { least: 'owner', refs: { group: 'group' }, body: (n) => ({ name: `w${n}` }) },
  'GET /workspaces': { least: 'viewer', isList: true, opensToOperator: true },
  'GET /workspaces/:id': { least: 'viewer', params: id('workspace') },
  'PATCH /workspaces/:id': { least: 'owner', params: id('workspace'), body: described },
  'DELETE /workspaces/:id': { least: 'owner', params: id('workspace'), flags: { force: 'true' } },
  'POST /workspaces/:id/move': {
    least: 'owner',
    params: id('workspace'),
    refs: { parent: 'place' },
    flags: { force: 'true' },
  },
  'GET /workspaces/:id/masks': { least: 'viewer', params: id('workspace') },
  'POST /workspaces/:id/masks': { least: 'owner', params: id('emptyWorkspace'), refs: { managed_identity: 'ofRoot' } },
  'DELETE /workspaces/:id/masks/:identity': { least: 'owner', params: { id: 'workspace', identity: 'ofRoot' } },
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
  'DELETE /workspaces/:id/assignments/:assignment': {
    least: 'deployer',
    params: { id: 'workspace', assignment: 'assignment' },
  },
  'GET /workspaces/:id/usable-identities': { least: 'viewer', params: id('workspace') },
  'GET /workspaces/:id/effective-identities': { least: 'viewer', params: id('workspace'), query: { user: 'user' } },

  'POST /users': { least: 'owner', body: (n) => ({ login: `new${n}@acme.example` }) },
  'GET /users': { least: 'viewer', isList: true, opensToOperator: true },
  'GET /users/:id': { least: 'viewer', params: id('user') },
  'PATCH /users/:id': { least: 'owner', params: id('user'), body: () => ({ display_name: 'changed' }) },
  'DELETE /users/:id': { least: 'owner', params: id('teamMember') },
  'POST /users/:id/merge': { least: 'owner', params: id('teamMember'), refs: { into: 'user' } },
  'POST /users/:id/tie': { least: 'owner', params: id('user'), body: (n) => ({ email: `tie${n}@acme.example` }) },
  'GET /users/:id/tie': { least: 'owner', params: id('tiedUser') },
  'DELETE /users/:id/tie': { least: 'owner', params: id('tiedUser') },
  'POST /invitations': { least: 'owner', body: (n) => ({ email: `new${n}@acme.example`, role: 'viewer' }) },
  'GET /invitations': { least: 'owner' },
  'DELETE /invitations/:id': { least: 'owner', params: id('invitation') },

  'POST /teams': { least: 'owner', body: (n) => ({ name: `team${n}` }) },
  'GET /teams': { least: 'viewer', isList: true, opensToOperator: true },
  'GET /teams/:id': { least: 'viewer', params: id('team') },
  'PATCH /teams/:id': { least: 'owner', params: id('team'), body: described },
  'DELETE /teams/:id': { least: 'owner', params: id('team') },
  'POST /teams/:id/members': { least: 'owner', params: id('team'), refs: { user: 'user' } },
  'GET /teams/:id/members': { least: 'viewer', params: id('team') },
  'DELETE /teams/:id/members/:user': { least: 'owner', params: { id: 'team', user: 'teamMember' } },

  'POST /service-accounts': { least: 'owner', refs: { group: 'group' }, body: (n) => ({ name: `s${n}` }) },
  'GET /service-accounts': { least: 'viewer', isList: true, opensToOperator: true },
  'GET /service-accounts/:id': { least: 'viewer', params: id('account') },
  'PATCH /service-accounts/:id': { least: 'owner', params: id('account'), body: described },
  'DELETE /service-accounts/:id': { least: 'owner', params: id('account'), flags: { force: 'true' } },
  'POST /service-accounts/:id/secrets': { least: 'owner', params: id('account') },
  'GET /service-accounts/:id/secrets': { least: 'owner', params: id('account') },
  'DELETE /service-accounts/:id/secrets/:secret': { least: 'owner', params: { id: 'account', secret: 'secret' } },
  'POST /service-accounts/:id/may-act': {
    least: 'owner',
    params: id('account'),
    refs: { namespace: 'workspace' },
    body: () => ({ users: ['*'] }),
  },
  'GET /service-accounts/:id/may-act': { least: 'viewer', params: id('account') },
  'PATCH /service-accounts/:id/may-act/:right': {
    least: 'owner',
    params: { id: 'account', right: 'right' },
    body: () => ({ labels: { '*': '*' } }),
  },
  'DELETE /service-accounts/:id/may-act/:right': { least: 'owner', params: { id: 'account', right: 'right' } },
  'POST /service-accounts/:id/trust-rules': { least: 'owner', params: id('account'), body: () => trust },
  'GET /service-accounts/:id/trust-rules': { least: 'owner', params: id('account') },
  'DELETE /service-accounts/:id/trust-rules/:rule': { least: 'owner', params: { id: 'account', rule: 'trustRule' } },

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
  'PATCH /managed-identities/:id': { least: 'deployer', params: id('identity'), body: described },
  'DELETE /managed-identities/:id': { least: 'deployer', params: id('unassigned'), flags: { name: 'unassigned' } },
  'POST /managed-identities/:id/move': { least: 'owner', params: id('unassigned'), refs: { group: 'place' } },
  'POST /managed-identities/:id/aliases': { least: 'owner', params: id('unassigned'), refs: { group: 'place' } },
  'GET /managed-identities/:id/aliases': { least: 'viewer', params: id('identity') },
  'DELETE /managed-identities/:id/aliases/:alias': { least: 'owner', params: { id: 'identity', alias: 'alias' } },
  'GET /managed-identities/:id/workspaces': { least: 'viewer', params: id('identity') },
  'GET /managed-identities/:id/masks': { least: 'viewer', params: id('ofRoot') },
  'POST /managed-identities/:id/access-rules': {
    least: 'owner',
    params: id('identity'),
    body: () => ({ kind: 'stage', values: ['*'] }),
  },
  'GET /managed-identities/:id/access-rules': { least: 'viewer', params: id('identity') },
  'PATCH /managed-identities/:id/access-rules/:rule': {
    least: 'owner',
    params: { id: 'identity', rule: 'rule' },
    body: () => ({ values: ['*', 'run'] }),
  },
  'DELETE /managed-identities/:id/access-rules/:rule': { least: 'owner', params: { id: 'identity', rule: 'rule' } },
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
  'DELETE /managed-identities/:id/grants/:grant': { least: 'owner', params: { id: 'identity', grant: 'grant' } },
  'POST /managed-identities/:id/subject-grants': {
    least: 'owner',
    params: id('ofRoot'),
    refs: { launcher: 'account', namespace: 'workspace' },
  },
  'GET /managed-identities/:id/subject-grants': { least: 'viewer', params: id('ofRoot') },
  'DELETE /managed-identities/:id/subject-grants/:grant': {
    least: 'owner',
    params: { id: 'ofRoot', grant: 'subjectGrant' },
  },

  'POST /workspaces/:id/jobs': { least: 'deployer', params: id('workspace'), body: () => ({}) },
  'GET /workspaces/:id/jobs': { least: 'viewer', params: id('workspace') },
  'GET /job': { least: 'job' },
  'GET /workspaces/:id/jobs/:job': { least: 'viewer', params: { id: 'workspace', job: 'job' }, opensToJob: true },
  'PATCH /workspaces/:id/jobs/:job': {
    least: 'owner',
    params: { id: 'workspace', job: 'job' },
    body: () => ({ state: 'ended' }),
    opensToJob: true,
  },
  'POST /workspaces/:id/jobs/:job/heartbeat': {
    least: 'owner',
    params: { id: 'workspace', job: 'job' },
    opensToJob: true,
  },

  'GET /organization-settings': { least: 'viewer', isList: true, opensToOperator: true },
  'PATCH /organization-settings': { least: 'owner', body: () => ({ identities_without_rules: 'open' }) },
  'GET /audit-events': { least: 'owner', opensToOperator: true },
  'GET /audit-events/export': { least: 'owner', opensToOperator: true },
  'GET /organizations/:id/quotas': { least: 'owner', params: id('organization'), opensToOperator: true },
  'PATCH /organizations/:id/quotas': {
    least: 'operator',
    params: id('organization'),
    opensToOperator: true,
    body: () => ({ quotas: { workspaces: 60_000 } }),
  },
  'GET /me': { least: 'viewer', isList: true, opensToOperator: true },
  'POST /me/leave': { least: 'person', body: () => ({ organization: 'acme' }) },
  'POST /owner-links': {
    least: 'operator',
    opensToOperator: true,
    body: () => ({ organization: 'acme', owner: 'acme.owner' }),
  },
  'POST /user-identities/detach': {
    least: 'operator',
    opensToOperator: true,
    body: () => ({ iss: 'https://login.example.com', sub: 'nobody' }),
  },
  'POST /admin-links/redeem': { least: 'anyone', body: () => ({ token: `arsia_link_${'x'.repeat(43)}` }) },
};

let calls = 0;

/** Returns the request of a case for these things: method, path with query, and body. */
export function requestOf(key: string, things: Things): { method: string; path: string; body: Body | undefined } {
  const { params = {}, query = {}, flags = {}, refs = {}, body } = cases[key]!;
  const [method = '', template = ''] = key.split(' ');
  const named = (kinds: Record<string, Kind>) =>
    Object.fromEntries(Object.entries(kinds).map(([name, kind]) => [name, things[kind]]));
  const parameters = named(params);
  const search = new URLSearchParams({ ...named(query), ...flags }).toString();
  const path = template.replace(/:(\w+)/g, (_match, name: string) => encodeURIComponent(parameters[name]!));
  const hasBody = body !== undefined || Object.keys(refs).length > 0;
  return {
    method,
    path: search === '' ? path : `${path}?${search}`,
    body: hasBody ? { ...body?.(++calls), ...named(refs) } : undefined,
  };
}
