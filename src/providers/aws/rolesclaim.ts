import { parseRoleArn } from './names.ts';

/** The roles claim of a token as AWS STS reads it (cases/aws-facts.md 22, 23). */
export type RolesClaim =
  | { state: 'absent' }
  /** Neither a text nor a list, or nothing in it is the ARN of a role. */
  | { state: 'unsupported' | 'empty' }
  | { state: 'listed'; roles: readonly string[] };

/** Reads a list, one ARN, or ARNs that are separated by `;`. What is not the ARN of a role is skipped. */
export function readRolesClaim(value: unknown): RolesClaim {
  if (value === undefined || value === null) return { state: 'absent' };
  if (typeof value !== 'string' && !Array.isArray(value)) return { state: 'unsupported' };
  const entries: unknown[] = typeof value === 'string' ? value.split(';') : value;
  const roles = entries.flatMap((entry) => (typeof entry === 'string' && isRole(entry.trim()) ? [entry.trim()] : []));
  return roles.length === 0 ? { state: 'empty' } : { state: 'listed', roles };
}

/** Paths of roles may have commas and colons, and a list with commas is not read as one ARN: an ARN has six parts. */
function isRole(text: string): boolean {
  return parseRoleArn(text) !== undefined && text.split(':').length === 6 && !/[*?]/.test(text);
}
