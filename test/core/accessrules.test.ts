import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type AccessRule,
  type Presented,
  type RuleKind,
  refuseByRules,
  ruleKinds,
} from '../../src/core/accessrules.ts';

const job: Presented = {
  stage: 'apply',
  user_id: 'usr_a',
  team_ids: ['team_a', 'team_b'],
  launcher_id: 'sa_a',
  labels: { env: 'prod-eu', tier: 'gold' },
};
const nobody: Presented = { stage: 'x', user_id: null, team_ids: [], launcher_id: null, labels: {} };
const rule = (kind: RuleKind, values: string[], id = `rule_${kind}`): AccessRule => ({ id, kind, values });

describe('an access rule', () => {
  test.each<[RuleKind, string[], boolean]>([
    ['stage', ['apply'], true],
    ['stage', ['plan', 'app*'], true],
    ['stage', ['plan'], false],
    ['stage', [], false],
    ['user', ['usr_b', 'usr_a'], true],
    ['user', ['usr_b'], false],
    ['user', ['*'], false],
    ['team', ['team_b'], true],
    ['team', ['team_c'], false],
    ['service_account', ['sa_a'], true],
    ['service_account', ['sa_b'], false],
    ['label', ['env=prod-*'], true],
    ['label', ['env=prod-*', 'tier=gold'], true],
    ['label', ['env=prod-*', 'tier=silver'], false],
    ['label', ['region=*'], false],
    ['label', ['env=dev'], false],
    ['label', ['toString=*'], false],
    ['label', ['=x'], false],
    ['label', ['env'], false],
    ['label', [], false],
  ])('%s %j holds: %s', (kind, values, holds) => {
    expect(refuseByRules([rule(kind, values)], job, 'closed') === undefined).toBe(holds);
  });

  test.each(['user', 'service_account'] as const)('of kind %s with a null admits no job that lacks it', (kind) => {
    // A text[] may hold it, whatever the API lets in.
    expect(refuseByRules([rule(kind, [null as unknown as string])], nobody, 'open')).toBeDefined();
  });

  test.each([
    ['=x', { '': 'x' }],
    ['env', { en: 'env' }],
  ])('with the entry %j, which names no label, holds for none', (entry, labels) => {
    expect(refuseByRules([rule('label', [entry])], { ...job, labels }, 'open')).toBeDefined();
  });

  test.each(ruleKinds)('of kind %s refuses a job that presents nothing, and names the kind', (kind) => {
    const refusal = refuseByRules([rule(kind, ['a=b'])], nobody, 'open');
    expect(refusal).toMatchObject({ kind, rule_ids: [`rule_${kind}`] });
    expect(refusal!.expected).toBe(`${kind} a=b`);
    expect(refusal!.presented).toMatch(/^(?:stage x|user no user|team no team|service_account no .*|label no labels)$/);
  });
});

test('without access rules the setting of the organisation decides', () => {
  expect(refuseByRules([], job, 'open')).toBeUndefined();
  expect(refuseByRules([], job, 'closed')).toEqual({
    rule_ids: [],
    kind: null,
    expected: 'an access rule: in this organisation an identity without rules is closed',
    presented: 'no rule',
  });
});

test('a refusal names every rule of the kind, joins alternatives by "or" and label entries by "and"', () => {
  const rules = [rule('stage', ['plan', 'test'], 'rule_1'), rule('stage', ['destroy'], 'rule_2')];
  expect(refuseByRules(rules, job, 'open')).toEqual({
    rule_ids: ['rule_1', 'rule_2'],
    kind: 'stage',
    expected: 'stage plan or test; or stage destroy',
    presented: 'stage apply',
  });
  expect(refuseByRules([rule('label', ['env=dev', 'tier=gold'])], job, 'open')).toMatchObject({
    expected: 'label env=dev and tier=gold',
    presented: 'label env=prod-eu, tier=gold',
  });
  expect(refuseByRules([rule('team', ['x'])], job, 'open')?.presented).toBe('team team_a, team_b');
  expect(refuseByRules([rule('user', ['x'])], job, 'open')?.presented).toBe('user usr_a');
  expect(refuseByRules([rule('service_account', ['x'])], job, 'open')?.presented).toBe('service_account sa_a');
});

test('rules of one kind are alternatives, and every kind must hold (compared with a naive oracle)', () => {
  const good: Record<RuleKind, string> = {
    stage: 'apply',
    user: 'usr_a',
    team: 'team_a',
    service_account: 'sa_a',
    label: 'env=prod-eu',
  };
  const one = fc.record({ kind: fc.constantFrom(...ruleKinds), holds: fc.boolean() });
  fc.assert(
    fc.property(
      fc.array(one, { maxLength: 8 }),
      fc.constantFrom('open' as const, 'closed' as const),
      (made, without) => {
        const rules = made.map(({ kind, holds }, index) => rule(kind, [holds ? good[kind] : 'no=no'], `rule_${index}`));
        const byKind = Object.groupBy(made, ({ kind }) => kind);
        const isAllowed =
          made.length === 0
            ? without === 'open'
            : Object.values(byKind).every((ofKind) => ofKind.some(({ holds }) => holds));
        expect(refuseByRules(rules, job, without) === undefined).toBe(isAllowed);
      },
    ),
  );
});
