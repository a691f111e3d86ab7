import { describe, expect, test } from '@jest/globals';
import { awsTagsClaim } from '../../../src/core/claims.ts';
import { evaluate } from '../../../src/providers/aws/evaluate.ts';
import { host, listCases, provider, role, statementCases, valueCases } from './handchecked.ts';

const token = { iss: `https://${host}`, sub: 'mi_1:ws_1', aud: 'aws' };
const request = { role_arn: role, session_name: 'alice' };
const Action = ['sts:AssumeRoleWithWebIdentity', 'sts:TagSession', 'sts:SetSourceIdentity'];
const allowing = (Condition: object, more: object = {}) =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { Federated: provider }, Action, Condition, ...more }],
  });

test('the table has at least 200 cases', () => {
  expect(valueCases.length + listCases.length + statementCases.length).toBeGreaterThanOrEqual(200);
});

describe('a condition, in an Allow and in a Deny', () => {
  test.each(valueCases)('%s %j, asked with %j: %j (%s)', (operator, values, actual, holds) => {
    const claims =
      actual === undefined
        ? token
        : { ...token, [awsTagsClaim]: { principal_tags: { V: [actual] }, transitive_tag_keys: [] } };
    const condition = { [operator]: { 'aws:RequestTag/V': values } };
    const judge = (document: string) => evaluate(document, claims, request).allow;
    expect(judge(allowing(condition))).toBe(holds);
    const document = JSON.parse(allowing({}));
    document.Statement.push({ Effect: 'Deny', Principal: '*', Action, Condition: condition });
    expect(judge(JSON.stringify(document))).toBe(!holds);
  });

  test.each(listCases)('%s %j on a list, asked with %j: %j (%s)', (operator, values, amr, holds) => {
    const claims = amr.length === 0 ? token : { ...token, amr };
    expect(evaluate(allowing({ [operator]: { [`${host}:amr`]: values } }), claims, request).allow).toBe(holds);
  });
});

test.each(statementCases)('statements %j with %j: %j (%s)', (statements, claims, allow) => {
  const Statement =
    statements.length === 0 ? [{ Effect: 'Deny', Principal: '*', Action: 'sts:AssumeRole' }] : statements;
  const verdict = evaluate(JSON.stringify({ Version: '2012-10-17', Statement }), { ...token, ...claims }, request);
  expect(verdict.allow).toBe(allow);
});
