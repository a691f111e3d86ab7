import type { JsonObject } from '../../core/json.ts';
import { invalidDocument, type Members, optionalTextIn, parseDocument, readMembers } from '../document.ts';
import type { Verdict } from '../provider.ts';
import { deny } from '../verdict.ts';
import { evaluateVaultRole, vaultRoleIn, members as vaultRoleMembers } from './vaultrole.ts';

const what = 'trust document';
const optionalText = optionalTextIn(what);

const trustMembers = {
  issuer: (value: unknown): string => {
    if (typeof value !== 'string') throw invalidDocument(what, 'has no `issuer`');
    return value;
  },
  audiences: (value: unknown): string[] => {
    if (!Array.isArray(value) || value.length === 0 || !value.every((one) => typeof one === 'string'))
      throw invalidDocument(what, 'has no `audiences`');
    return value;
  },
  subject: optionalText,
  // An empty prefix would accept every identity of the issuer.
  subject_prefix: (value: unknown, place: string): string | undefined => {
    if (value === '') throw invalidDocument(what, 'has an empty `subject_prefix`');
    return optionalText(value, place);
  },
} satisfies Members;

/** Every member that `evaluate` knows, by its place: of a trust document, and of a role of Vault. */
export const members = { '': trustMembers, ...vaultRoleMembers };

/**
 * The trust of any relying party, in the form that the trust page shows: `issuer`, `audiences`, and a `subject` that must be
 * equal or a `subject_prefix` that it must begin with. Also takes a role of Vault or OpenBao.
 */
export function evaluate(document: string, claims: Readonly<Record<string, unknown>>): Verdict {
  const value = parseDocument(document, what);
  const role = vaultRoleIn(value);
  if (role !== undefined) return evaluateVaultRole(role, claims);
  const { issuer, audiences, subject, subject_prefix: prefix } = parseTrust(value);
  if (claims.iss !== issuer) return deny('issuer', issuer, claims.iss);
  if (typeof claims.aud !== 'string' || !audiences.includes(claims.aud))
    return deny('audiences', audiences, claims.aud);
  if (subject !== undefined && claims.sub !== subject) return deny('subject', subject, claims.sub);
  if (prefix !== undefined && !(typeof claims.sub === 'string' && claims.sub.startsWith(prefix)))
    return deny('subject_prefix', prefix, claims.sub);
  return { allow: true };
}

function parseTrust(value: JsonObject) {
  const trust = readMembers(value, trustMembers, what);
  if ((trust.subject === undefined) === (trust.subject_prefix === undefined))
    throw invalidDocument(what, 'needs one of `subject` and `subject_prefix`');
  return trust;
}
