import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { explainActFault, findActFault, isPlain, type JobTerms, type MayAct } from '../../src/core/acting.ts';

const lineage = ['org', 'grp', 'ws'];
const right: MayAct = { namespace_id: 'grp', users: ['usr_a'], stages: ['plan', 'app*'], labels: { env: 'dev-*' } };
const job: JobTerms = { user_id: 'usr_a', stage: 'apply', labels: { env: 'dev-1' } };

const canAct = (...asked: Parameters<typeof findActFault>) => findActFault(...asked) === undefined;
const runnerOf = ({ user_id }: JobTerms) => (user_id === null ? ['sa_a'] : [user_id, 'team_a']);

describe('the right to act for users', () => {
  test.each<[string, Partial<MayAct>, Partial<JobTerms>, boolean]>([
    ['covers its user, stage and label', {}, {}, true],
    ['covers a job without labels', {}, { labels: {} }, true],
    ['covers one user of several', { users: ['usr_b', 'usr_a'] }, {}, true],
    ['covers a team of the user', { users: ['usr_b', 'team_a'] }, {}, true],
    ['covers everyone by a star', { users: ['*'] }, { user_id: 'usr_b' }, true],
    ['refuses another user', {}, { user_id: 'usr_b' }, false],
    ['refuses a job for nobody', {}, { user_id: null }, false],
    ['covers a user by a team', { users: ['team_a'] }, {}, true],
    ['refuses a user of another team', { users: ['team_b'] }, {}, false],
    ['covers a job for nobody by the launcher itself', { users: ['sa_a'] }, { user_id: null }, true],
    ['covers no user by the launcher itself', { users: ['sa_a'] }, {}, false],
    ['refuses another stage', {}, { stage: 'destroy' }, false],
    ['refuses another label value', {}, { labels: { env: 'prod' } }, false],
    ['refuses a label that it does not name', {}, { labels: { env: 'dev-1', team: 'x' } }, false],
    ['refuses a label named like an inherited member', {}, { labels: { constructor: 'x' } }, false],
    ['covers every label by a star', { labels: { '*': '*' } }, { labels: { env: 'prod', team: 'x' } }, true],
    [
      'refuses a label that the pattern of the star does not match',
      { labels: { '*': 'dev-*' } },
      { labels: { env: 'prod' } },
      false,
    ],
    [
      'refuses by the pattern of a label that a star would cover',
      { labels: { env: 'dev-*', '*': '*' } },
      { labels: { env: 'prod' } },
      false,
    ],
    [
      'covers labels beside a listed one by a star',
      { labels: { env: 'dev-*', '*': '*' } },
      { labels: { env: 'dev-1', team: 'x' } },
      true,
    ],
    ['covers no label without labels', { labels: {} }, { labels: { env: 'dev-1' } }, false],
    ['reaches down from the organisation', { namespace_id: 'org' }, {}, true],
    ['stays in its own group', { namespace_id: 'grp2' }, {}, false],
    ['takes no pattern of users', { users: ['usr_*'] }, {}, false],
    ['with no stages covers nothing', { stages: [] }, {}, false],
  ])('%s', (_, rightChange, jobChange, expected) => {
    const terms = { ...job, ...jobChange };
    expect(canAct([{ ...right, ...rightChange }], lineage, terms, runnerOf(terms))).toBe(expected);
  });

  test('one right to act must cover user, stage and labels of a job together', () => {
    const halves = [
      { ...right, users: ['usr_a'], stages: ['destroy'] },
      { ...right, users: ['usr_b'], stages: ['apply'] },
    ];
    expect(canAct(halves, lineage, job, runnerOf(job))).toBe(false);
    expect(canAct([], lineage, job, runnerOf(job))).toBe(false);
  });

  test.each<[string, Partial<JobTerms>, string]>([
    ['the user', { user_id: 'usr_b' }, 'L may not act for U in W: no right of it there is for this user.'],
    ['the stage', { stage: 'destroy' }, 'L may act for U in W, but not with the stage destroy.'],
    [
      'the label whose value is not allowed',
      { labels: { env: 'prod' } },
      'L may act for U in W, but not with this value of the label env, which must match "dev-*".',
    ],
    [
      'the label that is not listed',
      { labels: { env: 'dev-1', team: 'x' } },
      'L may act for U in W, but not with the label team, which its right does not list.',
    ],
  ])('a refusal names %s', (_, change, expected) => {
    const terms = { ...job, ...change };
    const fault = findActFault([{ ...right, labels: {} }, right], lineage, terms, runnerOf(terms))!;
    expect(explainActFault(fault, 'L', { user: 'U', workspace: 'W', stage: terms.stage })).toBe(expected);
  });

  test('a further right to act never takes one away', () => {
    const anyRight: fc.Arbitrary<MayAct> = fc.record<MayAct>({
      namespace_id: fc.constantFrom('org', 'grp', 'other'),
      users: fc.subarray(['*', 'usr_a', 'usr_b']),
      stages: fc.subarray(['*', 'apply', 'plan']),
      labels: fc.constantFrom<Record<string, string>[]>({}, { env: '*' }, { env: 'dev' }),
    });
    const anyJob: fc.Arbitrary<JobTerms> = fc.record<JobTerms>({
      user_id: fc.constantFrom('usr_a', 'usr_b', null),
      stage: fc.constantFrom('apply', 'plan'),
      labels: fc.constantFrom<Record<string, string>[]>({}, { env: 'dev' }, { env: 'prod' }),
    });
    fc.assert(
      fc.property(fc.array(anyRight, { maxLength: 4 }), anyJob, (rights, terms) => {
        const runner = runnerOf(terms);
        const isCovered = rights.some((one) => canAct([one], lineage, terms, runner));
        expect(canAct(rights, lineage, terms, runner)).toBe(isCovered);
      }),
    );
  });
});

test('isPlain accepts only the stage interactive without labels', () => {
  expect(isPlain({ stage: 'interactive', labels: {} })).toBe(true);
  expect(isPlain({ stage: 'run', labels: {} })).toBe(false);
  expect(isPlain({ stage: 'interactive', labels: { env: '' } })).toBe(false);
});
