import { isId } from './ids.ts';

/**
 * The grammar of `sub`. No other file parses or formats a subject.
 *
 *     sub = mi_id [ ":" ws_id ] [ ":" usr_id ]        by the subject_scope of the identity
 *
 * A subject holds ids only, so that a rename does not change what a cloud trusts and no name can contain a separator. Google
 * maps at most 127 bytes to `google.subject` (cloud-facts.md 3.2); three ids are 29 + 1 + 29 + 1 + 30 = 90.
 */
export const subjectScopes = ['identity', 'workspace', 'user', 'workspace_user'] as const;
export type SubjectScope = (typeof subjectScopes)[number];

export const maximumSubjectBytes = 127;

export interface SubjectParts {
  identity_id: string;
  workspace_id?: string | undefined;
  user_id?: string | undefined;
}

/** The ids that follow the identity id in the subjects of each scope, in this order. */
const followingIds: Readonly<Record<SubjectScope, readonly ('workspace' | 'user')[]>> = {
  identity: [],
  workspace: ['workspace'],
  user: ['user'],
  workspace_user: ['workspace', 'user'],
};

/** Formats a subject. Throws a TypeError when an id is missing or malformed; callers must have refused that before. */
export function formatSubject(scope: SubjectScope, parts: SubjectParts): string {
  const others = followingIds[scope].map((kind) => requireId(kind, parts[`${kind}_id`]));
  return [requireId('managed_identity', parts.identity_id), ...others].join(':');
}

/** Parses a subject of Arsia. Returns undefined for any other text. */
export function parseSubject(subject: string): (SubjectParts & { scope: SubjectScope }) | undefined {
  const [identity_id, second, third, ...rest] = subject.split(':') as [string, string?, string?, ...string[]];
  if (!isId('managed_identity', identity_id) || rest.length > 0) return undefined;
  if (second === undefined) return { scope: 'identity', identity_id };
  if (third === undefined) {
    if (isId('workspace', second)) return { scope: 'workspace', identity_id, workspace_id: second };
    return isId('user', second) ? { scope: 'user', identity_id, user_id: second } : undefined;
  }
  return isId('workspace', second) && isId('user', third)
    ? { scope: 'workspace_user', identity_id, workspace_id: second, user_id: third }
    : undefined;
}

/** Returns whether subjects of this scope contain the id of the user. */
export function hasUserId(scope: SubjectScope): boolean {
  return followingIds[scope].includes('user');
}

/** Returns whether subjects of this scope contain the id of the workspace. */
export function hasWorkspaceId(scope: SubjectScope): boolean {
  return followingIds[scope].includes('workspace');
}

/** Formats the pattern that matches the subjects of all users of an identity. Trust documents contain no other pattern. */
export function formatSubjectPattern(scope: SubjectScope, parts: SubjectParts): string {
  const prefix = formatSubject(scope === 'user' ? 'identity' : 'workspace', parts);
  return `${prefix}:usr_*`;
}

function requireId(kind: 'managed_identity' | 'workspace' | 'user', id: string | undefined): string {
  if (id === undefined || !isId(kind, id)) throw new TypeError(`a subject needs the id of the ${kind}`);
  return id;
}
