import { describe, expect, test } from '@jest/globals';
import type { AccessRule, RuleKind } from '../../src/core/accessrules.ts';
import type { ErrorCode } from '../../src/core/errors.ts';
import type { Choice } from '../../src/core/inheritance.ts';
import { refuseIdentity, refuseJob } from '../../src/core/mint.ts';
import type { MintFacts } from '../../src/core/mintfacts.ts';
import type { Role } from '../../src/core/permissions.ts';
import type { SubjectScope } from '../../src/core/subject.ts';

const now = 1_000_000;
const named = 'acme/research/deploy';

type User = NonNullable<MintFacts['user']>;
type Launcher = NonNullable<MintFacts['launcher']>;
type Identity = NonNullable<MintFacts['identity']>;

const member = (role: Role, namespace_id = 'grp') => [{ namespace_id, role }];
const user: User = {
  id: 'usr_a',
  login: 'ada',
  is_active: true,
  memberships: member('deployer'),
  team_ids: ['team_a'],
};
const launcher: Launcher = {
  id: 'sa_a',
  name: 'pipelines',
  is_active: true,
  memberships: [],
  may_act: [{ namespace_id: 'org', users: ['usr_a'], stages: ['*'], labels: {} }],
};
function choice(identity_id: string, principal_id = '', profile = '', assigned_at = 1): Choice {
  return { identity_id, type: 'aws', profile, principal_id, assigned_at };
}
const identity: Identity = {
  id: 'mi_a',
  path: named,
  group_id: 'grp',
  type: 'aws',
  settings: {},
  subject_scope: 'workspace',
  delivery: 'credentials',
  token_lifetime: 600,
  reach: { group_ids: ['grp'], masked_in: [] },
  choices: [choice('mi_a')],
  rules: [],
  lineage: ['org', 'grp'],
  subject_grants: [],
};
const good: MintFacts = {
  job: { id: 'job_a', user_id: 'usr_a', stage: 'apply', labels: {}, is_ended: false, deadline: now + 1 },
  workspace: { id: 'ws', path: 'acme/research/sim', lineage: ['org', 'grp', 'ws'] },
  group: { id: 'grp', path: 'acme/research' },
  organization: { id: 'org', name: 'acme', identities_without_rules: 'open' },
  user,
  launcher,
  identity,
};
const ofUser = (change: Partial<User>): MintFacts => ({ ...good, user: { ...user, ...change } });
const ofLauncher = (change: Partial<Launcher>): MintFacts => ({ ...good, launcher: { ...launcher, ...change } });
const ofJob = (change: Partial<MintFacts['job']>): MintFacts => ({ ...good, job: { ...good.job, ...change } });
const ofIdentity = (change: Partial<Identity>): MintFacts => ({ ...good, identity: { ...identity, ...change } });
const forNobody = (change: Partial<Launcher>): MintFacts => ({
  ...good,
  user: null,
  job: { ...good.job, user_id: null },
  launcher: { ...launcher, ...change },
});
const plain = (facts: MintFacts): MintFacts => ({ ...facts, job: { ...facts.job, stage: 'interactive' } });
const plainForNobody = (change: Partial<Launcher>) => plain(forNobody(change));
const interactive: MintFacts = { ...good, launcher: null };

describe('may the job act', () => {
  test.each<[string, MintFacts, ErrorCode | undefined]>([
    ['a job of a launcher for a user', good, undefined],
    ['a job of a person for themselves', interactive, undefined],
    [
      'a job of a service account alone with its own role and a right for itself',
      forNobody({ memberships: member('deployer'), may_act: [{ ...launcher.may_act[0]!, users: ['sa_a'] }] }),
      undefined,
    ],
    [
      'a job of a service account alone with a stage that it was not allowed',
      forNobody({ memberships: member('deployer') }),
      'launcher_may_not_act',
    ],
    [
      'a plain job of a service account alone',
      plainForNobody({ memberships: member('deployer'), may_act: [] }),
      undefined,
    ],
    ['a plain job for a user without the right', plain(ofLauncher({ may_act: [] })), 'launcher_may_not_act'],
    [
      'a right for a team of the user',
      ofLauncher({ may_act: [{ ...launcher.may_act[0]!, users: ['team_a'] }] }),
      undefined,
    ],
    [
      'a right for another team',
      ofLauncher({ may_act: [{ ...launcher.may_act[0]!, users: ['team_b'] }] }),
      'launcher_may_not_act',
    ],
    ['a job that has ended', ofJob({ is_ended: true }), 'job_ended'],
    ['a job at its deadline', ofJob({ deadline: now }), 'job_ended'],
    ['a deactivated user', ofUser({ is_active: false }), 'user_inactive'],
    ['a deactivated launcher', ofLauncher({ is_active: false }), 'launcher_inactive'],
    ['a user who is only a viewer now', ofUser({ memberships: member('viewer') }), 'user_lacks_role'],
    ['a user who was removed', ofUser({ memberships: [] }), 'user_lacks_role'],
    ['a user with a role elsewhere', ofUser({ memberships: member('owner', 'other') }), 'user_lacks_role'],
    [
      'a viewer of the workspace below a deployer',
      ofUser({ memberships: [...member('deployer'), ...member('viewer', 'ws')] }),
      'user_lacks_role',
    ],
    ['a launcher whose right was taken away', ofLauncher({ may_act: [] }), 'launcher_may_not_act'],
    [
      'a launcher with the right for another stage',
      ofLauncher({ may_act: [{ ...launcher.may_act[0]!, stages: ['plan'] }] }),
      'launcher_may_not_act',
    ],
    [
      'a launcher whose own role would do, without the right',
      ofLauncher({ may_act: [], memberships: member('owner') }),
      'launcher_may_not_act',
    ],
    ['a service account alone without a role', forNobody({}), 'user_lacks_role'],
    ['facts of nobody', { ...good, user: null, launcher: null }, 'user_lacks_role'],
    [
      'a user whose row is gone, behind a launcher with a role',
      { ...ofLauncher({ memberships: member('owner') }), user: null },
      'user_lacks_role',
    ],
  ])('%s', (_, facts, expected) => {
    expect(refuseJob(facts, now)?.code).toBe(expected);
  });

  test('refuses an ended job as ended, whatever else is wrong', () => {
    expect(refuseJob({ ...ofJob({ is_ended: true }), user: { ...user, is_active: false } }, now)?.code).toBe(
      'job_ended',
    );
  });
});

const within = (...group_ids: string[]) => ({ group_ids, masked_in: [] });
const masked = (group_ids: string[], ...masked_in: string[]) => ({ group_ids, masked_in });
const rule = (kind: RuleKind, ...values: string[]): AccessRule => ({ id: 'rule_a', kind, values });
const closed: MintFacts = { ...good, organization: { ...good.organization, identities_without_rules: 'closed' } };

describe('N21 may the job have the identity', () => {
  const scoped = (subject_scope: SubjectScope) => ({ ...ofIdentity({ subject_scope }), user: null });
  test.each<[string, MintFacts, ErrorCode | undefined]>([
    ['assigned, of the group above', good, undefined],
    ['assigned, of the organisation', ofIdentity({ reach: within('org') }), undefined],
    ['unknown', { ...good, identity: null }, 'not_found'],
    ['of a sibling group', ofIdentity({ reach: within('grp2') }), 'not_found'],
    ['of another organisation, even assigned', ofIdentity({ reach: within('org2') }), 'not_found'],
    ['of an ancestor group, not assigned', ofIdentity({ choices: [] }), 'identity_not_assigned'],
    ['of a sibling group, not assigned', ofIdentity({ reach: within('grp2'), choices: [] }), 'not_found'],
    ['of a sibling group with an alias above', ofIdentity({ reach: within('grp2', 'org') }), undefined],
    ['masked for the workspace', ofIdentity({ reach: masked(['grp'], 'ws') }), 'identity_not_assigned'],
    ['masked above, and back by an alias', ofIdentity({ reach: masked(['org', 'grp'], 'grp') }), undefined],
    ['of the user alone', ofIdentity({ choices: [choice('mi_a', 'usr_a')] }), undefined],
    ['of a team of the user', ofIdentity({ choices: [choice('mi_a', 'team_a')] }), undefined],
    ['of another user', ofIdentity({ choices: [choice('mi_a', 'usr_b')] }), 'identity_not_assigned'],
    [
      'of everyone, where the user has another',
      ofIdentity({ choices: [choice('mi_a'), choice('mi_b', 'usr_a')] }),
      'identity_not_assigned',
    ],
    ['admitted by a rule', ofIdentity({ rules: [rule('stage', 'app*')] }), undefined],
    ['admitted by no rule of a kind', ofIdentity({ rules: [rule('stage', 'plan')] }), 'access_rule_refused'],
    [
      'admitted by one kind and not by another',
      ofIdentity({ rules: [rule('stage', 'apply'), rule('team', 'team_b')] }),
      'access_rule_refused',
    ],
    ['without rules, closed', closed, 'access_rule_refused'],
    ['user-scoped, for a job of nobody', scoped('user'), 'identity_needs_user'],
    ['workspace_user-scoped, for a job of nobody', scoped('workspace_user'), 'identity_needs_user'],
    ['workspace-scoped, for a job of nobody', scoped('workspace'), undefined],
    ['identity-scoped, for a job of nobody', scoped('identity'), undefined],
  ])('%s', (_, facts, expected) => {
    expect(refuseIdentity(facts, named)?.code).toBe(expected);
  });

  test('accepts an identity of a scope with the user for a job with a user', () => {
    for (const subject_scope of ['user', 'workspace_user'] as const)
      expect(refuseIdentity(ofIdentity({ subject_scope }), named)).toBeUndefined();
  });

  test('refuses an identity of another organisation exactly like an unknown one', () => {
    expect(refuseIdentity(ofIdentity({ reach: within('org2') }), named)).toEqual(
      refuseIdentity({ ...good, identity: null }, named),
    );
  });

  test('compares the profile where one is named', () => {
    const facts = ofIdentity({ choices: [choice('mi_a', '', 'second')] });
    expect(refuseIdentity(facts, named)).toBeUndefined();
    expect(refuseIdentity(facts, named, 'second')).toBeUndefined();
    expect(refuseIdentity(facts, named, '')?.code).toBe('identity_not_assigned');
    expect(refuseIdentity(facts, named, 'third')?.code).toBe('identity_not_assigned');
  });

  test('names the access rule, its expected value and the presented value', () => {
    expect(refuseIdentity(ofIdentity({ rules: [rule('stage', 'plan', 'test*')] }), named)).toMatchObject({
      condition: 'rule_a',
      expected: 'stage plan or test*',
      actual: 'stage apply',
    });
  });
});
