import { describe, expect, test } from '@jest/globals';
import { evaluate } from '../../../src/providers/aws/evaluate.ts';
import { findStoreFault } from '../../../src/providers/aws/storedpolicy.ts';
import { isAllowed, observations, observedBy } from '../../observed/aws.ts';

/** What real AWS answered about trust policies (docs/cases/aws-facts.md), against `evaluate` and the checks of IAM. */
const account = '111122223333';
const place = (text: string) =>
  text
    .replaceAll('ISSHOST', 'issuer.example.com/path')
    .replaceAll('ISS', 'https://issuer.example.com/path')
    .replaceAll('ACCOUNT', account);

test.each(observedBy('UpdateAssumeRolePolicy').map((row) => [row.id, row] as const))(
  'is stored or refused as by IAM: %s',
  (_id, row) => {
    const fault = findStoreFault(place(JSON.stringify(row.input.document)));
    if (row.outcome === 'allow') expect(fault).toBe(undefined);
    else
      expect({ code: 'MalformedPolicyDocument', message: fault?.message }).toEqual(
        JSON.parse(place(JSON.stringify(row.outcome))),
      );
  },
);

describe('evaluate agrees with AssumeRoleWithWebIdentity', () => {
  const rows = observations.filter(({ area }) => area === 'trust' || area === 'roles');
  const trusted = {
    Version: '2012-10-17',
    Statement: {
      Effect: 'Allow',
      Principal: { Federated: 'arn:aws:iam::ACCOUNT:oidc-provider/ISSHOST' },
      Action: ['sts:AssumeRoleWithWebIdentity', 'sts:TagSession', 'sts:SetSourceIdentity'],
    },
  };

  test.each(rows.map((row) => [row.id, row] as const))('%s', (_id, { input, outcome }) => {
    const claims = JSON.parse(place(JSON.stringify(input.claims)));
    const verdict = evaluate(place(JSON.stringify(input.trust ?? trusted)), claims, {
      role_arn: place((input.role as string | undefined) ?? 'arn:aws:iam::ACCOUNT:role/ROLE'),
      session_name: (input.session as string | undefined) ?? 'oidc-probe',
    });
    expect(verdict.allow).toBe(isAllowed(outcome));
    if (verdict.allow || outcome === 'allow') return;
    expect(verdict.condition === 'https://aws.amazon.com/roles').toBe(outcome.code === 'InvalidIdentityToken');
  });
});

describe('the checks of IAM beyond what was observed', () => {
  const statement = { Effect: 'Allow', Principal: '*', Action: 'sts:AssumeRole' };
  const stored = (more: object, document: object = {}) =>
    findStoreFault(JSON.stringify({ Version: '2012-10-17', Statement: [{ ...statement, ...more }], ...document }));

  test('name the fields that a trust policy must not have', () => {
    expect(stored({ Resource: '*' })?.message).toBe('Has prohibited field Resource');
    expect(stored({ NotResource: '*' })?.message).toBe('Has prohibited field NotResource');
  });

  test.each([
    ['an unknown member', { Foo: 1 }],
    ['both Action and NotAction', { NotAction: 'sts:AssumeRole' }],
    ['an unknown operator', { Condition: { MadeUp: { a: 'b' } } }],
    ['a variable in a number', { Condition: { NumericEquals: { a: '$'.concat('{aws:userid}') } } }],
  ])('refuse %s', (_name, more) => {
    expect(stored(more)?.message).toBe('Syntax errors in policy.');
  });

  test('refuse one Sid for two statements', () => {
    const Statement = [
      { Sid: 'A', ...statement },
      { Sid: 'A', ...statement },
    ];
    expect(stored({}, { Statement })?.message).toBe('Syntax errors in policy.');
  });
});
