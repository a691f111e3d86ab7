import { expect, test } from '@jest/globals';
import { type Context, makeContext } from '../../src/iampolicy/context.ts';
import { type Decision, decide } from '../../src/iampolicy/decide.ts';
import { readPolicy } from '../../src/iampolicy/grammar.ts';
import { parseJson } from '../../src/iampolicy/json.ts';
import { listContextKeys } from '../../src/iampolicy/policy.ts';
import { type Answer, isAllowed, notCompared, type Observation, observations, observedBy } from '../observed/aws.ts';

/** What real AWS answered about policies (docs/cases/aws-facts.md), against the engine. */
const identityPolicy = { principals: 'forbidden', resources: 'required' } as const;

function read(document: unknown) {
  const node = parseJson(JSON.stringify(document));
  if ('fault' in node) throw new Error(node.fault.message);
  return readPolicy(node, identityPolicy);
}

function ask(
  document: unknown,
  context: Context,
  action = 'iam:TagUser',
  resource = 'arn:aws:iam::1:user/x',
): Decision {
  return decide(read(document).policy, { action, resource, context });
}

function contextOf({ input }: Observation): Context {
  const lists = (input.multivalued ?? []) as string[];
  const facts = Object.entries((input.context ?? {}) as Record<string, string[]>);
  return makeContext(Object.fromEntries(facts.map(([key, values]) => [key, { values, isList: lists.includes(key) }])));
}

const allow = { Effect: 'Allow', Action: '*', Resource: '*' };
const policyOf = (...Statement: object[]) => ({ Version: '2012-10-17', Statement });
const isAllow = ({ effect }: Decision) => effect === 'allow';

const negations: Record<string, string> = {
  StringEquals: 'StringNotEquals',
  StringEqualsIgnoreCase: 'StringNotEqualsIgnoreCase',
  StringLike: 'StringNotLike',
};

const rows = observedBy('role session policy', 'SimulateCustomPolicy');
const conditions = rows.filter(({ input }) => input.condition !== undefined);
const resources = rows.filter(({ input }) => input.resource !== undefined);
const documents = rows.filter(({ input }) => input.document !== undefined);
const named = (list: Observation[]) => list.map((row) => [row.id, row] as const);

test.each(named(conditions))('a condition holds as at AWS: %s', (_id, row) => {
  const context = contextOf(row);
  const { condition } = row.input as { condition: Record<string, unknown> };
  const verdicts = {
    outcome: isAllow(ask(policyOf({ ...allow, Condition: condition }), context)),
    as_deny: isAllow(ask(policyOf(allow, { ...allow, Effect: 'Deny', Condition: condition }), context)),
    negated: isAllow(
      ask(
        policyOf({
          ...allow,
          Condition: Object.fromEntries(
            Object.entries(condition).map(([name, block]) => [negations[name] ?? name, block]),
          ),
        }),
        context,
      ),
    ),
  };
  const observed = (['outcome', 'as_deny', 'negated'] as const).filter((member) => row[member] !== undefined);
  for (const member of observed) expect([member, verdicts[member]]).toEqual([member, isAllowed(row[member] as Answer)]);
});

test.each(named(resources))('a resource matches as at AWS: %s', (_id, { input, outcome, negated }) => {
  const asked = input.asked as string;
  const matched = ask(policyOf({ ...allow, Resource: input.resource }), makeContext({}), 's3:GetObject', asked);
  expect(isAllow(matched)).toBe(isAllowed(outcome));
  if (negated === undefined) return;
  const { Resource, ...rest } = { ...allow, NotResource: input.resource };
  expect(isAllow(ask(policyOf(rest), makeContext({}), 's3:GetObject', asked))).toBe(isAllowed(negated));
});

test.each(named(documents))('a document decides as at AWS: %s', (_id, row) => {
  const codes = { allow: 'allow', explicit_deny: 'explicitDeny', implicit_deny: 'implicitDeny', undecided: '' };
  const { effect } = ask(row.input.document, contextOf(row), row.input.action as string, 'arn:aws:s3:::bucket/x');
  expect(codes[effect]).toBe(row.outcome === 'allow' ? 'allow' : row.outcome.code);
});

test.each(named(observedBy('policy write')))('a document is stored as at AWS: %s', (_id, { input, outcome }) => {
  expect(read(input.document).faults.length === 0).toBe(isAllowed(outcome));
});

test.each(named(observedBy('GetContextKeysForCustomPolicy')))(
  'keys are listed as at AWS: %s',
  (_id, { input, outcome, keys }) => {
    const { Version, '+top': top, ...change } = input.change as Record<string, unknown>;
    const statement = Object.fromEntries(
      Object.entries({ ...(input.base as object), ...change }).filter(([, value]) => value !== null),
    );
    const Statement = 'Statement' in change ? change.Statement : [statement];
    const document = { ...(Version === undefined ? {} : { Version }), Statement, ...(top as object) };
    if (Statement === null) delete (document as Record<string, unknown>).Statement;
    const { policy, faults } = read(document);
    // This operation takes a document that lacks elements, and variables for every operator.
    const refusing = faults.filter(({ kind, message }) => kind !== 'missing' && !message.includes('policy variable'));
    expect(refusing.length === 0).toBe(isAllowed(outcome));
    if (keys !== undefined) expect(listContextKeys(policy).sort()).toEqual([...keys].sort());
  },
);

test('every observation is compared by one test, or the reason why not is known', () => {
  const policyApis = ['role session policy', 'SimulateCustomPolicy', 'policy write', 'GetContextKeysForCustomPolicy'];
  const elsewhere = ['UpdateAssumeRolePolicy', 'IAM OIDC provider calls', undefined];
  const duration = 'GetSessionToken DurationSeconds, the same Query protocol';
  const compared = observedBy(...policyApis, ...elsewhere, duration).map(({ id }) => id);
  expect(compared.length + Object.keys(notCompared).length).toBe(observations.length);
  expect(new Set([...compared, ...Object.keys(notCompared)])).toEqual(new Set(observations.map(({ id }) => id)));
  expect(conditions.length + resources.length + documents.length).toBe(rows.length);
});
