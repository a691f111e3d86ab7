import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { aws } from '../../../src/providers/aws/index.ts';
import { type AwsSettings, settings as schema } from '../../../src/providers/aws/settings.ts';
import { findStoreFault } from '../../../src/providers/aws/storedpolicy.ts';
import type { TrustDocument, TrustFacts, TrustMember } from '../../../src/providers/provider.ts';
import { claimsFor, id, trustFacts } from '../samples.ts';
import { anyFacts } from './anytrust.ts';

const { evaluate, mergeTrust } = aws.federated!;
const merge = mergeTrust!;

type Member = TrustMember<AwsSettings>;

const role_arn = 'arn:aws:iam::111122223333:role/acme/shared';
const plain = schema.parse({ role_arn });

const policiesOf = (documents: readonly TrustDocument[]) =>
  documents.filter(({ name }) => name.startsWith('trust-policy'));
const subjectsOf = (text: string) =>
  [...text.matchAll(/"[^"]+:sub":\s*(\[[^\]]*\]|"[^"]*")/g)].flatMap(
    ([, values]) => [JSON.parse(values!)].flat() as string[],
  );

const tokenOf = ({ settings, facts }: Member) => ({ ...claimsFor(aws, settings, facts) });

/** Identities of one role, with other settings and other workspaces each. */
const anyMembers: fc.Arbitrary<Member[]> = fc
  .uniqueArray(
    fc.record({
      facts: anyFacts,
      more: fc.record({
        source_identity: fc.boolean(),
        session_tags: fc.option(fc.constant({ 'arsia:workspace': 'workspace' as const }), { nil: undefined }),
      }),
      workspaces: fc.integer({ min: 1, max: 3 }),
    }),
    { minLength: 1, maxLength: 12, selector: ({ facts }) => facts.identity_id },
  )
  .map((identities) =>
    identities.flatMap(({ facts, more, workspaces }) =>
      Array.from({ length: facts.subject_scope.startsWith('workspace') ? workspaces : 1 }, (_, index): Member => {
        const workspace = index === 0 ? facts.workspace! : { id: id('workspace'), path: `acme/w${index}` };
        const user = facts.is_subject_pattern ? null : facts.user;
        const same = { ...facts, workspace, user } as Omit<TrustFacts, 'user'> & { user: TrustFacts['user'] | null };
        return { settings: schema.parse({ role_arn, ...more }), facts: trustFacts(facts.subject_scope, same) };
      }),
    ),
  );

describe('a merged trust policy', () => {
  test('accepts the token of each member, and refuses it with any other subject or audience', () => {
    fc.assert(
      fc.property(anyMembers, fc.nat(), (members, seed) => {
        const { documents } = merge(members);
        const policies = policiesOf(documents).map(({ text }) => text);
        const member = members[seed % members.length]!;
        const { subject, is_subject_pattern } = member.facts;
        const token = tokenOf(member);
        const accepting = policies.filter((text) => subjectsOf(text).includes(subject));
        expect(accepting).toHaveLength(1);
        expect(evaluate(accepting[0]!, token)).toEqual({ allow: true });
        const others = [
          { sub: `${token.sub}x` },
          { sub: is_subject_pattern ? subject.replace(':usr_*', '') : `${subject}:${id('user')}` },
          { sub: id('managed_identity') },
          { aud: 'aws:other' },
          { iss: 'https://other.example.com' },
        ];
        for (const other of is_subject_pattern ? others.slice(1) : others)
          expect(evaluate(accepting[0]!, { ...token, ...other }).allow).toBe(false);
      }),
      { numRuns: 100 },
    );
  });

  test('has StringEquals on the audience in each statement, and each subject once, with the actions of its identity', () => {
    fc.assert(
      fc.property(anyMembers, (members) => {
        const statements = policiesOf(merge(members).documents).flatMap(({ text }) => {
          expect(findStoreFault(text)).toBeUndefined();
          return JSON.parse(text).Statement;
        });
        const trusted = statements.flatMap(({ Condition: { StringEquals, StringLike }, ...rest }) => {
          const audience = Object.entries(StringEquals).find(([key]) => key.endsWith(':aud'))![1];
          const isPattern = StringLike !== undefined;
          const subjects = Object.entries(isPattern ? StringLike : StringEquals).find(([key]) =>
            key.endsWith(':sub'),
          )![1];
          return [subjects].flat().map((subject) => JSON.stringify([rest.Action, audience, isPattern, subject]));
        });
        const expected = members.map((member) => {
          const [own] = policiesOf(aws.federated!.trust(member.settings, member.facts).documents);
          const { audience } = aws.federated!.assertion(member.settings, member.facts);
          const { subject, is_subject_pattern } = member.facts;
          return JSON.stringify([JSON.parse(own!.text).Statement[0].Action, audience, is_subject_pattern, subject]);
        });
        expect(trusted.toSorted()).toEqual([...new Set(expected)].toSorted());
      }),
      { numRuns: 50 },
    );
  });

  test('of one member is the trust policy of that member', () => {
    const member = { settings: plain, facts: trustFacts('workspace') };
    const { documents } = aws.federated!.trust(member.settings, member.facts);
    expect(policiesOf(merge([member]).documents)).toEqual(policiesOf(documents));
  });
});

describe('a merged trust policy of more than 2048 characters', () => {
  const memberOf = (identity: string, identity_id: string, settings = plain): Member => ({
    settings,
    facts: trustFacts('workspace', { identity, identity_id }),
  });
  const identities = Array.from({ length: 70 }, (_, index) => [`acme/i${index}`, id('managed_identity')] as const);
  const members = identities.flatMap(([path, identity_id]) => [
    memberOf(path, identity_id),
    memberOf(path, identity_id),
  ]);

  test('is split over roles: each policy fits, and no identity is in two', () => {
    const policies = policiesOf(merge(members).documents);
    expect(policies.length).toBeGreaterThan(4);
    const parts = policies.map(({ text }) => subjectsOf(text));
    expect(parts.flat().toSorted()).toEqual(members.map(({ facts }) => facts.subject).toSorted());
    for (const { text } of policies) expect(text.replaceAll(/\s/g, '').length).toBeLessThanOrEqual(2048);
    const roleOf = identities.map(([, identity_id]) =>
      parts.filter((part) => part.some((one) => one.startsWith(identity_id))),
    );
    expect(roleOf.every((roles) => roles.length === 1)).toBe(true);
  });

  test('names its roles, and says which identity needs which and what to do', () => {
    const { documents, warnings } = merge(members);
    expect(policiesOf(documents)[1]!.paste_into).toContain('IAM > Roles > shared-2 > ');
    const named = documents.filter(({ name }) => /-2$/.test(name)).map(({ name }) => name);
    expect(named).toEqual(['trust-policy-2', 'aws-cli-2', 'role-terraform-2', 'role-cloudformation-2']);
    expect(new Set(documents.map(({ name }) => name)).size).toBe(documents.length);
    expect(warnings[0]).toMatch(
      /would have \d+ characters; AWS allows 2048 unless .* is raised\..*shared-2 trusts acme\/i/,
    );
    for (const [path] of identities) expect(warnings[0]).toMatch(new RegExp(`${path}[,;.]`));
    expect(warnings[1]).toMatch(
      /Create shared-2, .* with the permissions of shared, and set the role_arn .*role\/acme\/shared-2,/,
    );
  });

  test('moves no identity when one more is added', () => {
    const before = policiesOf(merge(members).documents).map(({ text }) => subjectsOf(text));
    const added = memberOf('acme/more', id('managed_identity'));
    const after = policiesOf(merge([...members, added]).documents).map(({ text }) => subjectsOf(text));
    const others = after.map((subjects) => subjects.filter((one) => one !== added.facts.subject));
    expect(others.filter((subjects) => subjects.length > 0)).toEqual(before);
  });

  test('has role names of at most 64 characters', () => {
    const settings = schema.parse({ role_arn: `arn:aws:iam::111122223333:role/${'r'.repeat(64)}` });
    const { warnings } = merge(members.map(({ facts }) => ({ settings, facts })));
    expect(warnings[1]).toContain(`role/${'r'.repeat(62)}-2`);
    expect(warnings[1]).not.toMatch(/r{63}-2/);
  });

  test('of one identity is not split, since an identity has one role, and says what to do', () => {
    const one = Array.from({ length: 40 }, () => memberOf('acme/one', identities[0]![1]));
    const { documents, warnings } = merge([...one, memberOf('acme/two', identities[1]![1])]);
    expect(policiesOf(documents).map(({ text }) => subjectsOf(text).length)).toEqual([40, 1]);
    expect(warnings.join('\n')).toMatch(/acme\/one alone needs a trust policy of \d+ characters for its 40 subjects/);
    expect(merge(one).warnings).toHaveLength(1);
  });

  test('is whole for Ceph RGW, to which the limit of AWS does not apply', () => {
    const settings = schema.parse({ role_arn: 'arn:aws:iam::research:role/shared', source_identity: true });
    const { documents, warnings } = merge(members.map(({ facts }) => ({ settings, facts })));
    expect(documents.map(({ name }) => name)).toEqual(['trust-policy', 'aws-cli']);
    expect(documents[0]!.text).not.toMatch(/\s/);
    expect(warnings).toEqual([expect.stringContaining('Ceph RGW has no source identity')]);
  });
});

describe('members that no trust policy can have', () => {
  const member = { settings: plain, facts: trustFacts() };

  test.each<[string, Member[], string, RegExp]>([
    [
      'two roles',
      [member, { ...member, settings: schema.parse({ role_arn: `${role_arn}2` }) }],
      'invalid_request',
      /have 2: .*shared, .*shared2/,
    ],
    ['none', [], 'invalid_request', /have 0/],
    [
      'a role of MinIO',
      [{ ...member, settings: schema.parse({ role_arn: 'arn:minio:iam:::role/x' }) }],
      'not_supported',
      /MinIO/,
    ],
    ['a subject that is none', [{ ...member, facts: { ...member.facts, subject: '*' } }], 'claims_refused', /subject/],
  ])('are refused: %s', (_name, members, code, message) => {
    expect(() => merge(members)).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
  });
});
