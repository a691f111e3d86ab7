import { describe, expect, test } from '@jest/globals';
import type { MayAct } from '../../src/core/acting.ts';
import type { MintFacts, SubjectGrant } from '../../src/core/mintfacts.ts';
import type { SubjectScope } from '../../src/core/subject.ts';
import { type GrantedRight, refuseNaming, selectNamingRights } from '../../src/core/subjectgrants.ts';

/** `org` holds `grp` with the identity, and `sub` with the workspace `ws`; `sub` is not below `grp`. */
const right = (namespace_id: string, more: Partial<MayAct> = {}): MayAct => ({
  namespace_id,
  users: ['usr_ceo'],
  stages: ['*'],
  labels: {},
  ...more,
});

interface Case {
  scope?: SubjectScope;
  rights?: MayAct[];
  grants?: SubjectGrant[];
  launcher?: null;
  isAsserted?: boolean;
  stage?: string;
}

function codeOf({
  scope = 'user',
  rights = [right('sub')],
  grants = [],
  launcher,
  isAsserted = false,
  stage = 'run',
}: Case) {
  const facts: MintFacts = {
    job: { id: 'job_a', user_id: 'usr_ceo', stage, labels: {}, is_ended: false, deadline: 1 },
    workspace: { id: 'ws', path: 'org/sub/ws', lineage: ['org', 'sub', 'ws'] },
    group: { id: 'sub', path: 'org/sub' },
    organization: { id: 'org', name: 'org', identities_without_rules: 'open' },
    user: { id: 'usr_ceo', login: 'ceo', is_active: true, memberships: [], team_ids: ['team_board'] },
    launcher:
      launcher === null ? null : { id: 'sa_a', name: 'pipelines', is_active: true, memberships: [], may_act: rights },
    identity: {
      id: 'mi_a',
      path: 'org/grp/deploy',
      group_id: 'grp',
      type: 'oidc',
      settings: {},
      subject_scope: scope,
      delivery: 'token',
      token_lifetime: 600,
      reach: { group_ids: ['grp', 'sub'], masked_in: [] },
      choices: [],
      rules: [],
      lineage: ['org', 'grp'],
      subject_grants: grants,
    },
  };
  return refuseNaming(facts, isAsserted)?.code;
}

describe('N71 a token that names a user and no workspace', () => {
  test.each<[string, Case, 'refused' | 'granted']>([
    ['by a right of the subgroup alone', {}, 'refused'],
    ['by a right of the workspace alone', { rights: [right('ws')] }, 'refused'],
    ['without any right', { rights: [] }, 'refused'],
    ['by a right of the group of the identity', { rights: [right('sub'), right('grp')] }, 'granted'],
    ['by a right of a group above', { rights: [right('org')] }, 'granted'],
    ['by a right for a team of the user', { rights: [right('grp', { users: ['team_board'] })] }, 'granted'],
    ['by a right for everyone', { rights: [right('grp', { users: ['*'] })] }, 'granted'],
    ['by a right for somebody else', { rights: [right('grp', { users: ['usr_b'] })] }, 'refused'],
    ['by a right for another stage', { rights: [right('sub'), right('grp', { stages: ['plan'] })] }, 'refused'],
    ['in a job that the user started', { launcher: null }, 'granted'],
    ['where the launcher is named', { grants: [{ launcher_id: 'sa_a', lineage: null }] }, 'granted'],
    ['where another launcher is named', { grants: [{ launcher_id: 'sa_b', lineage: null }] }, 'refused'],
    [
      'where the namespace of the right is named',
      { grants: [{ launcher_id: null, lineage: ['org', 'sub'] }] },
      'granted',
    ],
    [
      'where a namespace below that of the right is named',
      { grants: [{ launcher_id: null, lineage: ['org', 'sub', 'x'] }] },
      'granted',
    ],
    ['where another namespace is named', { grants: [{ launcher_id: null, lineage: ['org', 'other'] }] }, 'refused'],
    [
      'where the launcher is named with another namespace',
      { grants: [{ launcher_id: 'sa_a', lineage: ['org', 'other'] }] },
      'refused',
    ],
    [
      'where the launcher and the namespace are named',
      { grants: [{ launcher_id: 'sa_a', lineage: ['org', 'sub'] }] },
      'granted',
    ],
    ['that the subject names as well', { scope: 'workspace_user' }, 'granted'],
    ['in the subject of a workspace, with tags', { scope: 'workspace', isAsserted: true }, 'granted'],
    ['in tags only, by a right of the subgroup', { scope: 'identity', isAsserted: true }, 'refused'],
    [
      'in tags only, by a right of the group of the identity',
      { scope: 'identity', isAsserted: true, rights: [right('grp')] },
      'granted',
    ],
    ['in no claim that a cloud decides by', { scope: 'identity' }, 'granted'],
  ])('%s', (_, what, expected) => {
    expect(codeOf(what)).toBe(expected === 'refused' ? 'subject_not_granted' : undefined);
  });

  test('whoCouldName returns the rights that count', () => {
    const of = (service_account_id: string, one: MayAct): GrantedRight => ({ ...one, service_account_id });
    const rights = [
      of('sa_a', right('grp')),
      of('sa_b', right('org', { users: ['*'] })),
      of('sa_c', right('sub')),
      of('sa_d', right('sub', { users: ['team_board'] })),
    ];
    const terms = { lineage: ['org', 'grp'], subject_grants: [{ launcher_id: 'sa_d', lineage: null }] };
    const launchers = (named?: string[]) =>
      selectNamingRights(terms, rights, named).map((one) => one.service_account_id);
    expect(launchers()).toEqual(['sa_a', 'sa_b', 'sa_d']);
    expect(launchers(['usr_ceo'])).toEqual(['sa_a', 'sa_b']);
    expect(launchers(['usr_b', 'team_board'])).toEqual(['sa_b', 'sa_d']);
  });
});
