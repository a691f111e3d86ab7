import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Choice, findUsability, type Runner, selectChoice } from '../../src/core/inheritance.ts';

const lineage = ['org', 'grp', 'ws'];

describe('where an identity can be used', () => {
  test.each<[string, string[], string[], ReturnType<typeof findUsability>]>([
    ['below its group', ['grp'], [], 'usable'],
    ['below the root', ['org'], [], 'usable'],
    ['not below a sibling', ['other'], [], 'out_of_reach'],
    ['nowhere', [], [], 'out_of_reach'],
    ['not where the workspace masks it', ['org'], ['ws'], 'masked'],
    ['not where a group between masks it', ['org'], ['grp'], 'masked'],
    ['where only a sibling masks it', ['org'], ['other'], 'usable'],
    ['where its own group masks it, which masks what comes from above', ['grp'], ['grp'], 'usable'],
    ['where a mask stands above it', ['grp'], ['org'], 'usable'],
    ['by an alias', ['other', 'grp'], [], 'usable'],
    ['by an alias in the masking group', ['org', 'grp'], ['grp'], 'usable'],
    ['by an alias above the mask', ['org', 'other'], ['grp'], 'masked'],
  ])('%s', (_name, group_ids, masked_in, expected) => {
    expect(findUsability({ group_ids, masked_in }, lineage)).toBe(expected);
  });

  test('agrees with a walk from the workspace upwards', () => {
    const ids = ['a', 'b', 'c', 'd', 'e'];
    const some = fc.uniqueArray(fc.constantFrom(...ids, 'x', 'y'));
    fc.assert(
      fc.property(some, some, fc.integer({ min: 1, max: 5 }), (group_ids, masked_in, depth) => {
        const path = ids.slice(0, depth);
        let isMasked = false;
        let expected = 'out_of_reach';
        for (const id of path.toReversed()) {
          if (group_ids.includes(id)) expected = isMasked ? (expected === 'usable' ? expected : 'masked') : 'usable';
          isMasked ||= masked_in.includes(id);
        }
        expect(findUsability({ group_ids, masked_in }, path)).toBe(expected);
      }),
    );
  });
});

describe('the effective identity', () => {
  const runner: Runner = { user_id: 'usr_a', team_ids: ['team_a', 'team_b'], launcher_id: 'sa_a' };
  const choice = (identity_id: string, principal_id: string, assigned_at = 1, more: Partial<Choice> = {}): Choice => ({
    identity_id,
    type: 'aws',
    profile: '',
    principal_id,
    assigned_at,
    ...more,
  });
  const all = [
    choice('everyone', ''),
    choice('launcher', 'sa_a'),
    choice('team', 'team_a', 5),
    choice('user', 'usr_a', 9),
  ];
  const chosen = (choices: Choice[], by = runner, type = 'aws', profile = '') =>
    selectChoice(choices, by, type, profile)?.identity_id;

  test('is that of the most specific assignment: user, team, service account, everyone', () => {
    expect(chosen(all)).toBe('user');
    expect(chosen(all.slice(0, 3))).toBe('team');
    expect(chosen(all.slice(0, 2))).toBe('launcher');
    expect(chosen(all.slice(0, 1))).toBe('everyone');
    expect(chosen([])).toBeUndefined();
  });

  test('is never that of another principal, type or profile', () => {
    expect(chosen([choice('x', 'usr_b'), choice('y', 'team_c'), choice('z', 'sa_b')])).toBeUndefined();
    expect(chosen(all, runner, 'gcp')).toBeUndefined();
    expect(chosen(all, runner, 'aws', 'second')).toBeUndefined();
    expect(chosen([choice('second', '', 1, { profile: 'second' })], runner, 'aws', 'second')).toBe('second');
    expect(chosen(all, { user_id: null, team_ids: [], launcher_id: null })).toBe('everyone');
  });

  test('of two teams is that of the older assignment, and at equal times that of the lower id', () => {
    const two = [choice('b', 'team_b', 2), choice('a', 'team_a', 3)];
    expect(chosen(two)).toBe('b');
    expect(chosen(two.toReversed())).toBe('b');
    const same = [choice('b', 'team_b', 2), choice('a', 'team_a', 2)];
    expect(chosen(same)).toBe('a');
    expect(chosen(same.toReversed())).toBe('a');
    // The one identity by two teams at once: as they came.
    const twice = [choice('a', 'team_a', 2), choice('a', 'team_b', 2)];
    expect(selectChoice(twice, runner, 'aws', '')).toBe(twice[0]);
  });
});
