import { expect, test } from '@jest/globals';
import { makeContext } from '../../src/iampolicy/context.ts';
import { decide } from '../../src/iampolicy/decide.ts';
import { readPolicy } from '../../src/iampolicy/grammar.ts';
import { parseJson } from '../../src/iampolicy/json.ts';
import { matches, wildcards } from '../../src/iampolicy/patterns.ts';
import { makeRandom } from '../support/random.ts';
import { rounds } from '../support/rounds.ts';
import { evaluateNaively, type NaiveRequest } from './naive.ts';

type Random = ReturnType<typeof makeRandom>;

const variable = (text: string) => `$${text}`;
const words = ['a', 'A', 'ab', 'aab', 'b', '', 'a*b', 'a:b', 'K', '\u212a', '1', 'true', variable('{x:one}')];
const patterns = ['*', 'a*', '*b', 'a?b', '?', '**', 'a*b*', '*a*b', variable('{*}'), `a${variable('{?}')}`, 'ab', 'A'];
const templates = [
  variable('{x:one}'),
  variable('{X:Two}*'),
  `a${variable("{x:none, 'b'}")}`,
  variable('{x:none}'),
  variable("{x:list, 'a'}"),
  `${variable('{x:one}')}${variable('{x:two}')}`,
  variable('{$}'),
];
const numbers = ['1', '01', '1.0', '1e0', '-2', '10', '+3', '2.5', '0'];
const dates = ['2030-01-01T00:00:00Z', '2030-01-01', '1893456000', '2031-06-01T12:00:00Z', '2030-01-01T01:00:00+01:00'];
const ranges = ['192.0.2.0/24', '192.0.2.1', '0.0.0.0/0', '10.0.0.0/8', '2001:db8::/32', '::1', '192.0.2.128/25'];
const arns = [
  'arn:aws:iam::1:role/a',
  'arn:aws:iam::*:role/*',
  'arn:aws:*:*:*:*',
  'arn:aws:s3:::b/a:c',
  'arn:aws:s3:::b/*',
  `arn:aws:iam::1:role/${variable('{x:one}')}`,
  '*',
];
const families: [operators: string[], values: string[]][] = [
  [
    [
      'StringEquals',
      'StringNotEquals',
      'StringEqualsIgnoreCase',
      'StringNotEqualsIgnoreCase',
      'StringLike',
      'StringNotLike',
    ],
    [...words, ...patterns, ...templates],
  ],
  [
    ['', 'LessThan', 'LessThanEquals', 'GreaterThan', 'GreaterThanEquals'].flatMap((one) =>
      one === '' ? ['NumericEquals', 'NumericNotEquals'] : [`Numeric${one}`],
    ),
    numbers,
  ],
  [
    ['DateEquals', 'DateNotEquals', 'DateLessThan', 'DateLessThanEquals', 'DateGreaterThan', 'DateGreaterThanEquals'],
    dates,
  ],
  [['Bool'], ['true', 'false', 'TRUE', 'yes', ...templates]],
  [['BinaryEquals'], ['YQ==', 'Yg==', 'YWI=']],
  [['IpAddress', 'NotIpAddress'], ranges],
  [['ArnEquals', 'ArnLike', 'ArnNotEquals', 'ArnNotLike'], arns],
];
const actualValues = [
  ...words,
  ...numbers,
  ...dates,
  'no-number',
  'NaN',
  'YQ==',
  'YR==',
  '192.0.2.1',
  '192.000.2.200',
  '10.1.1.1',
  '2001:db8::5',
  '192.0.2.0/24',
  'arn:aws:iam::1:role/a',
  'arn:aws:s3:::b/a:c',
  'TRUE',
  'false',
];
const singleKeys = ['x:one', 'x:two', 'x:three'];
const keys = [...singleKeys, 'X:ONE', 'x:list', 'x:none'];

const some = <T>(random: Random, values: readonly T[], most: number): T | T[] => {
  const count = random.below(most + 1);
  return count === 1 ? random.pick(values) : Array.from({ length: count }, () => random.pick(values));
};
const oneOrMore = <T>(random: Random, values: readonly T[], most: number) => {
  const picked = some(random, values, most);
  return Array.isArray(picked) && picked.length === 0 ? random.pick(values) : picked;
};

function makeCondition(random: Random): Record<string, Record<string, unknown>> {
  const blocks: Record<string, Record<string, unknown>> = {};
  for (let count = random.below(3); count > 0; count--) {
    if (random.chance(0.1)) {
      blocks.Null = { ...blocks.Null, [random.pick(keys)]: random.pick(['true', 'false', 'TRUE', 'x']) };
      continue;
    }
    const [operators, values] = random.pick(families);
    const prefix = random.pick(['', '', '', 'ForAnyValue:', 'ForAllValues:']);
    const name = `${prefix}${random.pick(operators)}${random.chance(0.2) ? 'IfExists' : ''}`;
    blocks[name] = { ...blocks[name], [random.pick(keys)]: some(random, values, 3) };
  }
  return blocks;
}

function makeStatement(random: Random): object {
  const action = oneOrMore(
    random,
    ['*', 's3:*', 'S3:Get*', 's3:GetObject', 's3:Put?bject', 'sts:AssumeRole', '*:*'],
    2,
  );
  const resource = oneOrMore(
    random,
    [
      '*',
      'arn:aws:s3:::b/*',
      'arn:aws:s3:::b/a',
      'arn:*:s3:::*',
      `arn:aws:s3:::b/${variable('{x:one}')}`,
      `arn:aws:s3:::b/${variable('{x:none}')}`,
    ],
    2,
  );
  const principal = random.pick([
    '*',
    { AWS: '*' },
    { AWS: ['1', '2'] },
    { Federated: 'idp' },
    { Federated: ['other', 'idp'], AWS: '1' },
    { Federated: '*' },
    { Service: 'ec2.amazonaws.com' },
  ]);
  return {
    Effect: random.chance(0.3) ? 'Deny' : 'Allow',
    [random.chance(0.15) ? 'NotAction' : 'Action']: action,
    [random.chance(0.15) ? 'NotResource' : 'Resource']: resource,
    [random.chance(0.15) ? 'NotPrincipal' : 'Principal']: principal,
    ...(random.chance(0.85) && { Condition: makeCondition(random) }),
  };
}

function makeRequest(random: Random): NaiveRequest {
  const facts: NaiveRequest['facts'] = {};
  for (const key of singleKeys) if (random.chance(0.75)) facts[key] = random.pick(actualValues);
  if (random.chance(0.5)) facts['x:list'] = [some(random, actualValues, 3)].flat();
  if ((facts['x:list'] as string[] | undefined)?.length === 0) delete facts['x:list'];
  return {
    action: random.pick(['s3:GetObject', 's3:PutObject', 'sts:AssumeRole']),
    resource: random.pick(['arn:aws:s3:::b/a', 'arn:aws:s3:::b/a/c:d', 'arn:aws:s3:::c']),
    principal: random.pick([
      { kind: 'Federated', names: ['idp'] },
      { kind: 'AWS', names: ['1', 'arn:aws:iam::1:root'] },
    ]),
    facts,
  };
}

test('the engine and a naive evaluator agree on random policies and requests', () => {
  const count = rounds(4000, 20_000);
  const seen = { allow: 0, explicit_deny: 0, implicit_deny: 0 };
  for (let seed = 1; seed <= count; seed++) {
    const random = makeRandom(seed);
    const policy = {
      ...(random.chance(0.85) && { Version: random.chance(0.8) ? '2012-10-17' : '2008-10-17' }),
      Statement: Array.from({ length: 1 + random.below(4) }, () => makeStatement(random)),
    };
    const asked = makeRequest(random);
    const node = parseJson(JSON.stringify(policy));
    if ('fault' in node) throw new Error(node.fault.message);
    const read = readPolicy(node, { principals: 'required', resources: 'required' });
    const { principal } = asked;
    const { effect } = decide(read.policy, {
      ...asked,
      principal: {
        isNamedBy: (kind, text) => kind === principal!.kind && principal!.names.includes(text),
        isCoveredByWildcard: { Allow: false, Deny: true },
        title: principal!.kind,
      },
      context: makeContext(
        Object.fromEntries(
          Object.entries(asked.facts).map(([key, value]) => [
            key,
            { values: [value].flat(), isList: Array.isArray(value) },
          ]),
        ),
      ),
    });
    const naive = evaluateNaively(policy, asked);
    if (read.faults.length > 0 || effect !== naive)
      expect({ seed, faults: read.faults, effect, seen: JSON.stringify({ policy, asked }) }).toMatchObject({
        faults: [],
        effect: naive,
      });
    seen[effect as keyof typeof seen]++;
  }
  // Random policies that deny everything would show nothing.
  for (const outcomes of Object.values(seen)) expect(outcomes).toBeGreaterThan(count / 15);
});

test('wildcards match as a regular expression does', () => {
  for (let seed = 1; seed <= rounds(4000, 20_000); seed++) {
    const random = makeRandom(seed);
    const text = (letters: string[], most: number) =>
      Array.from({ length: random.below(most) }, () => random.pick(letters)).join('');
    const pattern = text(['a', 'b', '*', '?', 'a'], 12);
    const value = text(['a', 'b'], 40);
    const source = pattern.replaceAll('*', '.*').replaceAll('?', '.');
    expect([seed, pattern, value, matches(wildcards(pattern), value)]).toEqual([
      seed,
      pattern,
      value,
      new RegExp(`^${source}$`).test(value),
    ]);
  }
});
