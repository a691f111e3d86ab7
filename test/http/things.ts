import { createAccount, createIdentity, type Job, type Organization, startJob } from '../support/organization.ts';

/** Ids of one thing of each kind in an organisation, for requests to refer to. */
export interface Things {
  organization: string;
  /** An empty group. */
  group: string;
  workspace: string;
  user: string;
  account: string;
  secret: string;
  right: string;
  trustRule: string;
  membership: string;
  identity: string;
  /** The assignment of `identity` to `workspace`. */
  assignment: string;
  rule: string;
  alias: string;
  /** In the same group as the workspace, not assigned, named `unassigned` in a group of its own. */
  unassigned: string;
  grant: string;
  /** An alias of `ofRoot`. */
  subjectGrant: string;
  job: string;
  team: string;
  /** A user who is in the team. */
  teamMember: string;
  invitation: string;
  /** A user with a tie. */
  tiedUser: string;
  /** An identity of the root group, masked in `group` and `workspace`. */
  ofRoot: string;
  /** A second group, as the destination of moves. */
  place: string;
  /** A second workspace, which is empty. */
  emptyWorkspace: string;
}

let made = 0;

/** Creates new things, for a call that changes them. */
export async function makeThings(organization: Organization): Promise<{ things: Things; job: Job }> {
  const { owner, name: root } = organization;
  const n = ++made;
  const create = async (path: string, body: object): Promise<string> => (await owner.send('POST', path, body)).id;
  const kubernetes = (name: string) => ({
    type: 'kubernetes',
    settings: { audience: `https://${name}${n}.${root}.example` },
  });

  const home = await owner.send('POST', '/groups', { name: `home${n}`, parent: root });
  const group = await create('/groups', { name: `empty${n}`, parent: root });
  const place = await create('/groups', { name: `place${n}`, parent: root });
  const workspace = await create('/workspaces', { name: 'busy', group: home.id });
  const emptyWorkspace = await create('/workspaces', { name: 'empty', group: home.id });
  const user = await create('/users', { login: `t${n}@${root}.example` });
  const teamMember = await create('/users', { login: `m${n}@${root}.example` });
  const membership = await create('/memberships', { namespace: workspace, principal: user, role: 'deployer' });
  const team = await create('/teams', { name: `team-of-things${n}` });
  await owner.send('POST', `/teams/${team}/members`, { user: teamMember });
  const invitation = await create('/invitations', { email: `i${n}@${root}.example`, role: 'viewer' });

  const tie = { email: `tied${n}@${root}.example` };
  const tiedUser = await create('/users', { login: tie.email, tie });

  const account = await createAccount(owner, home.path, 'account');
  const right = await create(`/service-accounts/${account.id}/may-act`, { namespace: workspace, users: ['*'] });
  const trustRule = await create(`/service-accounts/${account.id}/trust-rules`, {
    issuer: `https://n${n}.example.com`,
    audience: 'arsia',
    conditions: [{ claim: 'sub', equals: 'x' }],
  });

  const there = { ...organization, group: home.path, workspaceId: workspace };
  const settings = { role_arn: `arn:aws:iam::111122223333:role/t${n}` };
  const identity = (await createIdentity(there, { name: 'assigned', type: 'aws', settings, delivery: 'both' })).id;
  const { items } = await owner.send('GET', `/workspaces/${workspace}/managed-identities`);
  const assignment = items[0].assignment_id;
  const grant = await create(`/managed-identities/${identity}/grants`, { principal: '*' });
  const rule = await create(`/managed-identities/${identity}/access-rules`, { kind: 'stage', values: ['run'] });
  const alias = await create(`/managed-identities/${identity}/aliases`, { group: place });
  const unassigned = await create('/managed-identities', { group: home.id, name: 'unassigned', ...kubernetes('u') });
  const ofRoot = await create('/managed-identities', {
    ...{ group: root, name: `root${n}`, subject_scope: 'user' },
    ...kubernetes('r'),
  });
  const subjectGrant = await create(`/managed-identities/${ofRoot}/subject-grants`, { launcher: account.id });
  for (const path of [`/groups/${group}`, `/workspaces/${workspace}`])
    await owner.send('POST', `${path}/masks`, { managed_identity: ofRoot });

  const launcher = account.client;
  const job = await startJob({ ...there, launcher }, { user, heartbeat: 3600 }, workspace);
  const things = {
    organization: organization.id,
    ...{ group, workspace, user, account: account.id, secret: account.secretId, right, trustRule, membership },
    ...{ identity, assignment, rule, alias, unassigned, grant, job: job.id, team, teamMember, invitation, tiedUser },
    ...{ ofRoot, subjectGrant, place, emptyWorkspace },
  };
  return { things, job };
}
