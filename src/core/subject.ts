import { isId } from './ids.ts';

/**
 * The only file that knows the grammar of `sub`:
 *
 *     sub = mi_id [ ":" ws_id ] [ ":" usr_id ]        as the identity's subject_scope says
 *
 * Identifiers only, so a rename never changes what a cloud trusts and no name can forge a separator. Google maps at most
 * 127 bytes to `google.subject` (cloud-facts.md 3.2); three identifiers are 29 + 1 + 29 + 1 + 30 = 90.
 */
export const subjectScopes = ['identity', 'workspace', 'user', 'workspace_user'] as const;
export type SubjectScope = (typeof subjectScopes)[number];

export const maximumSubjectBytes = 127;

export interface SubjectParts {
  identity_id: string;
  workspace_id?: string | undefined;
  user_id?: string | undefined;
}

/** What follows the identity in the subjects of a scope, in this order. */
const named: Readonly<Record<SubjectScope, readonly ('workspace' | 'user')[]>> = {
  identity: [],
  workspace: ['workspace'],
  user: ['user'],
  workspace_user: ['workspace', 'user'],
};

/** Throws a TypeError when the scope wants an id that is missing or malformed: callers refuse before they get here. */
export function formatSubject(scope: SubjectScope, parts: SubjectParts): string {
  const others = named[scope].map((kind) => checked(kind, parts[`${kind}_id`]));
  return [checked('managed_identity', parts.identity_id), ...others].join(':');
}

/** The parts of a subject that Arsia made; undefined for any other text. */
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

export function namesUser(scope: SubjectScope): boolean {
  return named[scope].includes('user');
}

/** `workspace` is the id in the subject of these scopes, absent from the others. */
export function namesWorkspace(scope: SubjectScope): boolean {
  return named[scope].includes('workspace');
}

/** The subject of every user of a user-scoped identity: the one place where a pattern may stand in a trust document. */
export function subjectOfEveryUser(scope: SubjectScope, parts: SubjectParts): string {
  const prefix = formatSubject(scope === 'user' ? 'identity' : 'workspace', parts);
  return `${prefix}:usr_*`;
}

function checked(kind: 'managed_identity' | 'workspace' | 'user', id: string | undefined): string {
  if (id === undefined || !isId(kind, id)) throw new TypeError(`a subject needs the id of the ${kind}`);
  return id;
}
