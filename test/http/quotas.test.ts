import { beforeAll, describe, expect, test } from '@jest/globals';
import { type QuotaName, quotaNames, quotas } from '../../src/core/quotas.ts';
import { routes } from '../../src/http/api/routes.ts';
import { listActionTraits } from '../../src/services/actions.ts';
import { loginIssuer, type RunningArsia, startArsia } from '../support/arsia.ts';
import { type Answer, type Body, type Client, encoded, postForm } from '../support/client.ts';
import { createOracle, type Oracle } from '../support/oracle.ts';
import {
  createAccount,
  createOperator,
  createOrganization,
  type Organization,
  startJob,
} from '../support/organization.ts';

/** A case that adds one row to a collection. */
interface Growth {
  /** Adds the first or the second row. What they need exists already. */
  add(n: 1 | 2): Promise<Answer>;
  /** Rows before the case. Default: the usage that the API returns. */
  used?: number;
  /** Amount of the quota that one row takes. */
  size?: number;
  /** The refusal, if it is not 409 `quota_exceeded`. */
  refused?: { status: number; code: string; recorded: QuotaName | 'quota_exceeded' };
}

let running: RunningArsia;
let oracle: Oracle;
let acme: Organization;
let owner: Client;
let operator: Client;

beforeAll(async () => {
  running = await startArsia({ signIn: true, settings: { ARSIA_TENANCY: 'multi' } });
  oracle = await createOracle(running);
  acme = await createOrganization(running);
  owner = acme.owner;
  operator = await createOperator(running);
}, 60_000);

let made = 0;
const post = (path: string, body?: Body) => owner.ask('POST', path, body);
const create = async (path: string, body?: Body): Promise<string> => (await owner.send('POST', path, body)).id;
const makeName = () => `q${++made}`;
const addGroup = () => create('/groups', { name: makeName(), parent: 'acme' });
const addWorkspace = () => create('/workspaces', { name: makeName(), group: acme.group });
const addUser = () => create('/users', { login: makeName() });
const addTeam = () => create('/teams', { name: makeName() });
const addAccount = () => create('/service-accounts', { name: makeName(), group: acme.group });
const oidc = () => ({ type: 'oidc', settings: { audience: `https://${makeName()}.example` } });
const addIdentity = () => create('/managed-identities', { name: makeName(), group: acme.group, ...oidc() });
/** Makes one thing for each of the two rows. */
const makeBoth = async <Value>(make: () => Promise<Value>): Promise<Record<1 | 2, Value>> => ({
  1: await make(),
  2: await make(),
});
const trustRule = { issuer: 'https://ci.acme.example', audience: 'arsia', conditions: [{ claim: 'sub', equals: 'x' }] };

/** Keyed by quota and action. */
const growths: Record<string, () => Promise<Growth>> = {
  'groups group.create': async () => ({ add: () => post('/groups', { name: makeName(), parent: 'acme' }) }),
  'workspaces workspace.create': async () => ({
    add: () => post('/workspaces', { name: makeName(), group: acme.group }),
  }),
  'assignments workspace.create': async () => {
    const identity = await addIdentity();
    const managed_identities = [{ managed_identity: identity }];
    return { add: () => post('/workspaces', { name: makeName(), group: acme.group, managed_identities }) };
  },
  'assignments_per_workspace workspace.create': async () => {
    const identities = await makeBoth(addIdentity);
    const assignmentOf = (n: 1 | 2) =>
      [identities[1], identities[2]]
        .slice(0, n)
        .map((managed_identity, index) => ({ managed_identity, profile: `p${index}` }));
    return {
      add: (n) => post('/workspaces', { name: makeName(), group: acme.group, managed_identities: assignmentOf(n) }),
      used: 0,
    };
  },
  'assignments managed_identity.assign': async () => {
    const workspaces = await makeBoth(addWorkspace);
    const identity = await addIdentity();
    return { add: (n) => post(`/workspaces/${workspaces[n]}/managed-identities`, { managed_identity: identity }) };
  },
  'assignments_per_workspace managed_identity.assign': async () => {
    const identities = await makeBoth(addIdentity);
    const path = `/workspaces/${await addWorkspace()}/managed-identities`;
    return { add: (n) => post(path, { managed_identity: identities[n], profile: `p${n}` }), used: 0 };
  },
  'managed_identities managed_identity.create': async () => ({
    add: () => post('/managed-identities', { name: makeName(), group: acme.group, ...oidc() }),
  }),
  'audiences managed_identity.create': async () => ({
    add: () => post('/managed-identities', { name: makeName(), group: acme.group, ...oidc() }),
  }),
  'audiences managed_identity.update': async () => {
    const identity = await addIdentity();
    return { add: () => owner.ask('PATCH', `/managed-identities/${identity}`, { settings: oidc().settings }) };
  },
  'use_grants_per_identity use_grant.create': async () => {
    const users = await makeBoth(addUser);
    const path = `/managed-identities/${await addIdentity()}/grants`;
    return { add: (n) => post(path, { principal: users[n] }), used: 0 };
  },
  'subject_grants_per_identity subject_grant.create': async () => {
    const accounts = await makeBoth(addAccount);
    const named = { name: makeName(), group: acme.group, subject_scope: 'user', ...oidc() };
    const path = `/managed-identities/${await create('/managed-identities', named)}/subject-grants`;
    return { add: (n) => post(path, { launcher: accounts[n] }), used: 0 };
  },
  'aliases_per_identity alias.create': async () => {
    const groups = await makeBoth(addGroup);
    const path = `/managed-identities/${await addIdentity()}/aliases`;
    return { add: (n) => post(path, { group: groups[n] }), used: 0 };
  },
  'masks_per_identity identity_mask.create': async () => {
    const groups = await makeBoth(addGroup);
    const identity = await create('/managed-identities', { name: makeName(), group: 'acme', ...oidc() });
    return { add: (n) => post(`/groups/${groups[n]}/masks`, { managed_identity: identity }), used: 0 };
  },
  'access_rules_per_identity access_rule.create': async () => {
    const path = `/managed-identities/${await addIdentity()}/access-rules`;
    return { add: () => post(path, { kind: 'stage', values: ['*'] }), used: 0 };
  },
  'access_rule_bytes access_rule.create': async () => {
    const path = `/managed-identities/${await addIdentity()}/access-rules`;
    return { add: () => post(path, { kind: 'stage', values: ['é*', 'run'] }), used: 0, size: 3 + 4 + 3 + 4 };
  },
  'access_rule_bytes access_rule.update': async () => {
    const path = `/managed-identities/${await addIdentity()}/access-rules`;
    const rule = await create(path, { kind: 'stage', values: ['a'] });
    const values = (n: number) => ['a', 'b', 'c'].slice(0, n + 1);
    return { add: (n) => owner.ask('PATCH', `${path}/${rule}`, { values: values(n) }), used: 5, size: 5 };
  },
  'trust_rules_per_service_account trust_rule.create': async () => {
    const path = `/service-accounts/${await addAccount()}/trust-rules`;
    return { add: () => post(path, trustRule), used: 0 };
  },
  'service_accounts service_account.create': async () => ({
    add: () => post('/service-accounts', { name: makeName(), group: acme.group }),
  }),
  'secrets_per_service_account service_account_secret.create': async () => {
    const path = `/service-accounts/${await addAccount()}/secrets`;
    return { add: () => post(path), used: 0 };
  },
  'access_tokens access_token.issue': async () => {
    const { id, secret } = await createAccount(owner, acme.group, makeName());
    const form = { grant_type: 'client_credentials', client_id: id, client_secret: secret };
    return {
      add: () => postForm(running.issuer, '/token', form),
      used: 1,
      refused: { status: 400, code: 'invalid_request', recorded: 'quota_exceeded' },
    };
  },
  'may_act may_act.create': async () => {
    const path = `/service-accounts/${await addAccount()}/may-act`;
    return { add: () => post(path, { namespace: acme.group, users: ['*'] }) };
  },
  'may_act_per_service_account may_act.create': async () => {
    const path = `/service-accounts/${await addAccount()}/may-act`;
    return { add: () => post(path, { namespace: acme.group, users: ['*'] }), used: 0 };
  },
  'may_act_bytes may_act.create': async () => {
    const path = `/service-accounts/${await addAccount()}/may-act`;
    const right = { namespace: acme.group, users: ['*'], stages: ['run'], labels: { env: 'ü' } };
    return { add: () => post(path, right), used: 0, size: 60 + 5 + 7 + 7 + 6 };
  },
  'may_act_bytes may_act.update': async () => {
    const path = `/service-accounts/${await addAccount()}/may-act`;
    const right = await create(path, { namespace: acme.group, users: ['*'], stages: ['a'] });
    const stages = (n: number) => ['a', 'b', 'c'].slice(0, n + 1);
    return { add: (n) => owner.ask('PATCH', `${path}/${right}`, { stages: stages(n) }), used: 70, size: 5 };
  },
  'teams team.create': async () => ({ add: () => post('/teams', { name: makeName() }) }),
  'team_members team_member.create': async () => {
    const users = await makeBoth(addUser);
    const path = `/teams/${await addTeam()}/members`;
    return { add: (n) => post(path, { user: users[n] }), used: 0 };
  },
  'teams_per_user team_member.create': async () => {
    const teams = await makeBoth(addTeam);
    const user = await addUser();
    return { add: (n) => post(`/teams/${teams[n]}/members`, { user }), used: 0 };
  },
  'user_ties user.create': async () => ({
    add: () => post('/users', { login: makeName(), tie: { email: `${makeName()}@acme.example` } }),
  }),
  'user_ties user_tie.create': async () => {
    const users = await makeBoth(addUser);
    return { add: (n) => post(`/users/${users[n]}/tie`, { iss: loginIssuer, sub: makeName() }) };
  },
  'former_logins_per_user user.update': async () => {
    const user = await addUser();
    return { add: () => owner.ask('PATCH', `/users/${user}`, { login: makeName() }), used: 0 };
  },
  'memberships_per_principal user.merge': async () => {
    const [into, merged] = [await addUser(), await makeBoth(addUser)];
    for (const principal of Object.values(merged))
      await create('/memberships', { namespace: await addGroup(), principal, role: 'viewer' });
    return { add: (n) => post(`/users/${merged[n]}/merge`, { into }), used: 0 };
  },
  'teams_per_user user.merge': async () => {
    const [into, merged] = [await addUser(), await makeBoth(addUser)];
    for (const user of Object.values(merged)) await post(`/teams/${await addTeam()}/members`, { user });
    return { add: (n) => post(`/users/${merged[n]}/merge`, { into }), used: 0 };
  },
  'users user.create': async () => ({ add: () => post('/users', { login: makeName() }) }),
  'invitations invitation.create': async () => ({
    add: () => post('/invitations', { email: `${makeName()}@acme.example` }),
  }),
  'memberships membership.create': async () => {
    const users = await makeBoth(addUser);
    return { add: (n) => post('/memberships', { namespace: acme.group, principal: users[n], role: 'viewer' }) };
  },
  'memberships_per_principal membership.create': async () => {
    const groups = await makeBoth(addGroup);
    const principal = await addUser();
    return { add: (n) => post('/memberships', { namespace: groups[n], principal, role: 'viewer' }), used: 0 };
  },
  'running_jobs job.start': async () => {
    const start = { user: acme.user, stage: 'run' };
    return { add: () => acme.launcher.ask('POST', `/workspaces/${acme.workspaceId}/jobs`, start) };
  },
  'running_jobs_per_launcher job.start': async () => {
    const { client } = await createAccount(owner, acme.group, makeName(), {
      namespace: acme.groupId,
      role: 'deployer',
    });
    return { add: () => client.ask('POST', `/workspaces/${acme.workspaceId}/jobs`, {}), used: 0 };
  },
  'running_jobs_per_user job.start': async () => ({
    add: () => post(`/workspaces/${acme.workspaceId}/jobs`, {}),
    used: 0,
  }),
  'array_tasks_per_job job.start': async () => {
    const { id } = await startJob(acme);
    const path = `/workspaces/${acme.workspaceId}/jobs`;
    return { add: (n) => acme.launcher.ask('POST', path, { parent: id, task_index: n }), used: 0 };
  },
  'idempotency_keys team.create': async () => ({
    add: () => owner.ask('POST', '/teams', { name: makeName() }, { 'idempotency-key': makeName() }),
  }),
};

const nameOf = (key: string) => key.split(' ')[0] as QuotaName;
const setQuota = (name: string, value: number | null) =>
  operator.send('PATCH', `/organizations/${acme.id}/quotas`, { quotas: { [name]: value } });
const quotaOf = async (name: string): Promise<Body> =>
  (await owner.send('GET', '/organizations/acme/quotas')).quotas.find((one: Body) => one.name === name);

describe('N68 every collection of an organisation has a quota', () => {
  test('every action that adds to a quota has a case here', () => {
    const declared = [...listActionTraits()].flatMap(([action, { adds }]) => adds.map((name) => `${name} ${action}`));
    // Sign-in adds people (test/oidc/signin.quotas.test.ts).
    const elsewhere = ['sign_ins'];
    expect(Object.keys(growths)).toEqual(expect.arrayContaining(declared));
    expect([...new Set([...Object.keys(growths).map(nameOf), ...elsewhere])].sort()).toEqual([...quotaNames].sort());
  });

  test('every route that creates adds to a quota', () => {
    const creates = routes.filter(
      ({ method, status, bearer }) => method === 'POST' && status === 201 && bearer === 'access',
    );
    expect(creates.length).toBeGreaterThan(15);
    // Only operators create links, and a link expires after 15 minutes.
    expect(
      creates.filter(({ action }) => listActionTraits().get(action)!.adds.length === 0).map(({ path }) => path),
    ).toEqual(['/owner-links']);
  });

  test.each(Object.keys(growths))(
    '%s: refused at the quota with one record and no change, and allowed when the quota is raised',
    async (key) => {
      const name = nameOf(key);
      const { add, size = 1, used, refused } = await growths[key]!();
      const before = used ?? (await settledUse(name));
      await setQuota(name, before + size);
      const first = await add(1);
      expect([first.status < 300, first.text]).toEqual([true, first.text]);
      const expected = refused ?? { status: 409, code: 'quota_exceeded' };
      const { answer, record } = await oracle.refuses(() => add(2), expected);
      const { detail = answer.body.error_description } = answer.body;
      expect(detail).toContain(`has reached its quota of ${before + size} ${quotas[name].counts}`);
      expect(record.detail.reason).toContain(`its quota of ${before + size}`);
      const advice = answer.body.advice ?? answer.body.error_description;
      const command = /arsia server admin quota --organization acme --set (\w+)=(\d+)/.exec(advice);
      expect(command?.[1]).toBe(name);
      await setQuota(name, before + 2 * size);
      const second = await add(2);
      expect([second.status < 300, second.text]).toEqual([true, second.text]);
      await setQuota(name, null);
      expect((await quotaOf(name)).value).toBe(quotas[name].default);
    },
  );
});

/** Returns the current usage, which is otherwise cached for a second: setting the quota clears the cache. */
async function settledUse(name: QuotaName): Promise<number> {
  await setQuota(name, quotas[name].maximum);
  return (await quotaOf(name)).used;
}

describe('quotas of an organisation', () => {
  test('are readable by its owners and operators, with their usage', async () => {
    const mine = await owner.send('GET', '/organizations/acme/quotas');
    expect(mine).toEqual(await operator.send('GET', `/organizations/${acme.id}/quotas`));
    expect(mine.quotas.map(({ name }: Body) => name)).toEqual(quotaNames);
    const { per, value, maximum, used } = await quotaOf('workspaces');
    expect({ per, value, maximum }).toEqual({ per: 'organization', value: 50_000, maximum: 1_000_000 });
    const [{ count } = { count: 0 }] = await oracle.execute(
      `SELECT count(*)::int AS count FROM namespaces WHERE kind = 'workspace' AND organization_id = $1`,
      [acme.id],
    );
    expect(used).toBe(count);
    expect((await quotaOf('trust_rules_per_service_account')).used).toBe(null);
    expect((await operator.ask('GET', `/organizations/${encoded(acme.group)}/quotas`)).status).toBe(404);
  });

  test.each([
    [{ workspace: 10 }, 'Quota workspace is no quota: the nearest name is `workspaces`.'],
    [{ groups: -1 }, 'Quota groups must be a whole number from 0 to 100000.'],
    [{ groups: 1.5 }, 'Quota groups must be a whole number from 0 to 100000.'],
    [{ groups: 100_001 }, 'Quota groups must be a whole number from 0 to 100000.'],
    [{ 'groups/x': 1 }, 'Quota groups/x is no quota: the nearest name is `groups`.'],
    [{ __proto__x: 1 }, expect.stringContaining('is no quota')],
  ])('%j is refused, and nothing changes', async (changes, detail) => {
    const patch = () => operator.ask('PATCH', '/organizations/acme/quotas', { quotas: { ...changes, teams: 7 } });
    const { answer } = await oracle.refuses(patch, { status: 400, code: 'invalid_request', action: 'quota.update' });
    expect(answer.body.detail).toEqual(detail);
  });

  test('a change is recorded with the previous values', async () => {
    const answer = await operator.ask('PATCH', '/organizations/acme/quotas', {
      quotas: { teams: 6_000, groups: null },
    });
    const [record] = await oracle.recordsOf(answer);
    expect(record).toMatchObject({
      action: 'quota.update',
      outcome: 'success',
      organization_id: acme.id,
      target_id: acme.id,
    });
    expect(record!.detail.quotas).toEqual([
      { name: 'teams', before: 5_000, value: 6_000 },
      { name: 'groups', before: 10_000, value: 10_000 },
    ]);
    await setQuota('teams', null);
  });

  test('a quota below the usage deletes nothing, and allows changes that need less', async () => {
    const path = `/managed-identities/${await addIdentity()}/access-rules`;
    const rule = await create(path, { kind: 'stage', values: ['a', 'b', 'c'] });
    await setQuota('access_rule_bytes', 4);
    expect((await owner.ask('PATCH', `${path}/${rule}`, { values: ['a', 'b'] })).status).toBe(200);
    expect((await owner.ask('PATCH', `${path}/${rule}`, { values: ['a', 'b', 'd'] })).body.code).toBe('quota_exceeded');
    expect((await owner.send('GET', path)).items).toHaveLength(1);
    await setQuota('access_rule_bytes', null);
  });

  test('requests that add nothing succeed at the quota', async () => {
    const identity = await addIdentity();
    const [user, team] = [await addUser(), await addTeam()];
    const [grant, member] = [`/managed-identities/${identity}/grants`, `/teams/${team}/members`];
    await create(grant, { principal: user });
    await owner.send('POST', member, { user });
    await operator.send('PATCH', '/organizations/acme/quotas', {
      quotas: { use_grants_per_identity: 1, team_members: 1, teams_per_user: 1, audiences: 0 },
    });
    expect((await post(grant, { principal: user })).status).toBe(201);
    expect((await post(member, { user })).status).toBe(201);
    const { settings } = await owner.send('GET', `/managed-identities/${identity}`);
    expect((await owner.ask('PATCH', `/managed-identities/${identity}`, { settings })).status).toBe(200);
    await operator.send('PATCH', '/organizations/acme/quotas', {
      quotas: { use_grants_per_identity: null, team_members: null, teams_per_user: null, audiences: null },
    });
  });

  test('a quota of one organisation does not affect another', async () => {
    const globex = await createOrganization(running, 'initech');
    await setQuota('teams', 0);
    expect((await post('/teams', { name: makeName() })).body.code).toBe('quota_exceeded');
    expect((await globex.owner.ask('POST', '/teams', { name: 'ours' })).status).toBe(201);
    await setQuota('teams', null);
  });
});

describe('concurrent creates', () => {
  test.each([
    ['counted before', 'teams', () => post('/teams', { name: makeName() })],
    ['counted in the transaction', 'use_grants_per_identity', undefined],
  ] as const)('%s: stop at the quota, and a freed place can be used again', async (_how, name, add) => {
    const users = await Promise.all(Array.from({ length: 12 }, addUser));
    const path = `/managed-identities/${await addIdentity()}/grants`;
    const grow = add ?? ((n: number) => post(path, { principal: users[n] }));
    const before = add === undefined ? 0 : await settledUse(name);
    await setQuota(name, before + 5);
    const answers: Answer[] = [];
    for (let round = 0; round < 3; round++)
      answers.push(
        ...(await Promise.all(users.slice(round * 4, round * 4 + 4).map((_user, n) => grow(round * 4 + n)))),
      );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => ![201, 409, 503].includes(status))).toEqual([]);
    expect(statuses.filter((status) => status === 201).length).toBeLessThanOrEqual(5);
    expect(statuses.filter((status) => status === 201).length).toBeGreaterThanOrEqual(4);
    const { body } = answers.find(({ status }) => status === 201)!;
    await owner.send('DELETE', add === undefined ? `${path}/${body.id}` : `/teams/${body.id}`);
    expect((await grow(11)).status).toBe(201);
    await setQuota(name, null);
  });

  test('a quota that one replica changed applies on the other within a second', async () => {
    const other = await startArsia({
      signIn: true,
      home: running.home,
      issuer: running.issuer,
      settings: { ARSIA_TENANCY: 'multi' },
    });
    const there = (name: string) =>
      fetch(`${other.origin}/api/v1/teams`, {
        method: 'POST',
        headers: { authorization: `Bearer ${owner.token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ name }),
      });
    expect((await there(makeName())).status).toBe(201);
    await setQuota('teams', 0);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect((await there(makeName())).status).toBe(409);
    await setQuota('teams', null);
    expect((await there(makeName())).status).toBe(201);
  });
});

test('N68 jobs past their deadline that are not yet marked as ended do not count', async () => {
  const umbrella = await createOrganization(running, 'umbrella');
  await operator.send('PATCH', '/organizations/umbrella/quotas', { quotas: { running_jobs: 2 } });
  const deadline = new Date(running.clock.now() + 90_000).toISOString();
  await startJob(umbrella, { deadline });
  await startJob(umbrella, { heartbeat: 60 });
  await expect(startJob(umbrella)).rejects.toThrow('quota_exceeded');
  running.clock.advance(91_000);
  await startJob(umbrella);
});

test('a workspace can be deleted when its jobs are past their deadline but not yet marked as ended', async () => {
  const { owner, otherWorkspaceId: workspace } = await createOrganization(running, 'hooli');
  const deadline = new Date(running.clock.now() + 90_000).toISOString();
  await owner.send('POST', `/workspaces/${workspace}/jobs`, { deadline });
  expect((await owner.ask('DELETE', `/workspaces/${workspace}`)).status).toBe(409);
  running.clock.advance(91_000);
  expect((await owner.ask('DELETE', `/workspaces/${workspace}`)).status).toBe(204);
});
