import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type IdKind, makeId } from '../../src/core/ids.ts';
import {
  formatSubject,
  formatSubjectPattern,
  hasUserId,
  hasWorkspaceId,
  maximumSubjectBytes,
  parseSubject,
  type SubjectScope,
  subjectScopes,
} from '../../src/core/subject.ts';
import { goodIds } from './goodclaims.ts';

const { identity, workspace, user } = goodIds;
const all = { identity_id: identity, workspace_id: workspace, user_id: user };

/** Sixteen ids of a kind, which often meet again in other places: collisions have every chance. */
const anyId = (kind: IdKind) =>
  fc.constantFrom(
    ...Array.from({ length: 16 }, (_, index) =>
      makeId(kind, index >> 2, (bytes) => new Uint8Array(bytes).fill(index & 3)),
    ),
  );

const anyTuple = fc.record({
  scope: fc.constantFrom(...subjectScopes),
  identity_id: anyId('managed_identity'),
  workspace_id: anyId('workspace'),
  user_id: anyId('user'),
});

type Tuple = { scope: SubjectScope; identity_id: string; workspace_id: string; user_id: string };

/** What a subject of this scope speaks of, spelled out. */
function meaning({ scope, identity_id, workspace_id, user_id }: Tuple): string {
  const parts: Record<SubjectScope, unknown> = {
    identity: { identity_id },
    workspace: { identity_id, workspace_id },
    user: { identity_id, user_id },
    workspace_user: { identity_id, workspace_id, user_id },
  };
  return JSON.stringify(parts[scope]);
}

describe('subjects', () => {
  test('N33 differ for different ids, over 100,000 tuples', () => {
    const meanings = new Map<string, string>();
    fc.assert(
      fc.property(fc.array(anyTuple, { minLength: 100, maxLength: 100 }), (tuples) => {
        for (const tuple of tuples) {
          const subject = formatSubject(tuple.scope, tuple);
          const said = meaning(tuple);
          const known = meanings.get(subject) ?? said;
          if (known !== said) throw new Error(`${subject} means ${known} and ${said}`);
          meanings.set(subject, known);
        }
      }),
      { numRuns: 1_000 },
    );
    // 16 ids of a kind: each of the 16 + 256 + 256 + 4096 meanings has a subject of its own.
    expect(new Set(meanings.values()).size).toBe(meanings.size);
    expect(meanings.size).toBeGreaterThan(4_000);
  });

  test('N38 parse back to their ids, in at most 127 bytes of lower-case ASCII', () => {
    fc.assert(
      fc.property(anyTuple, (tuple) => {
        const subject = formatSubject(tuple.scope, tuple);
        expect(subject).toMatch(/^[a-z0-9_:]+$/);
        expect(Buffer.byteLength(subject)).toBeLessThanOrEqual(maximumSubjectBytes);
        const parsed = parseSubject(subject)!;
        expect(parsed.scope).toBe(tuple.scope);
        expect(JSON.stringify({ ...parsed, scope: undefined })).toBe(meaning(tuple));
      }),
    );
  });

  test.each([
    ['identity', identity],
    ['workspace', `${identity}:${workspace}`],
    ['user', `${identity}:${user}`],
    ['workspace_user', `${identity}:${workspace}:${user}`],
  ] as const)('of scope %s are %s', (scope, expected) => {
    expect(formatSubject(scope, all)).toBe(expected);
  });

  test.each([
    ['nothing', ''],
    ['a user alone', user],
    ['the parts in another order', `${identity}:${user}:${workspace}`],
    ['two workspaces', `${identity}:${workspace}:${workspace}`],
    ['a fourth part', `${identity}:${workspace}:${user}:${user}`],
    ['an empty part', `${identity}:`],
    ['a pattern', `${identity}:usr_*`],
    ['upper case', identity.toUpperCase()],
    ['white space behind', `${identity} `],
    ['a newline behind', `${identity}\n`],
    ['a name', `${identity}:acme`],
  ])('N38 are never %s', (_, text) => {
    expect(parseSubject(text)).toBeUndefined();
  });

  test.each([
    ['workspace', { identity_id: identity }],
    ['user', { identity_id: identity, workspace_id: workspace }],
    ['workspace_user', { identity_id: identity, workspace_id: workspace }],
    ['workspace', { identity_id: identity, workspace_id: user }],
    ['identity', { identity_id: `${identity}:${workspace}` }],
    ['user', { identity_id: identity, user_id: 'usr_*' }],
  ] as const)('N33 of scope %s are not formatted from %j', (scope, parts) => {
    expect(() => formatSubject(scope, parts)).toThrow(
      expect.objectContaining({
        name: 'TypeError',
        message: expect.stringMatching(/^a subject needs the id of the (?:managed_identity|workspace|user)$/),
      }),
    );
  });

  test('of every user end in the only pattern that a trust document may have', () => {
    expect(formatSubjectPattern('user', all)).toBe(`${identity}:usr_*`);
    expect(formatSubjectPattern('workspace_user', all)).toBe(`${identity}:${workspace}:usr_*`);
  });

  test('contain the ids of their scope', () => {
    expect(subjectScopes.filter(hasUserId)).toEqual(['user', 'workspace_user']);
    expect(subjectScopes.filter(hasWorkspaceId)).toEqual(['workspace', 'workspace_user']);
  });
});
