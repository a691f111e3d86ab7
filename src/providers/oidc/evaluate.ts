import { invalidDocument, parseDocument, refuseUnknownMembers } from '../document.ts';
import type { Verdict } from '../provider.ts';
import { deny } from '../verdict.ts';

const what = 'trust document';

/**
 * The trust of any relying party, in the form that the trust page shows: `issuer`, `audiences`, and a `subject` that must be
 * equal or a `subject_prefix` that it must begin with.
 */
export function evaluate(document: string, claims: Readonly<Record<string, unknown>>): Verdict {
  const { issuer, audiences, subject, subject_prefix: prefix } = parseTrust(document);
  if (claims.iss !== issuer) return deny('issuer', issuer, claims.iss);
  if (typeof claims.aud !== 'string' || !audiences.includes(claims.aud))
    return deny('audiences', audiences, claims.aud);
  if (subject !== undefined && claims.sub !== subject) return deny('subject', subject, claims.sub);
  if (prefix !== undefined && !(typeof claims.sub === 'string' && claims.sub.startsWith(prefix)))
    return deny('subject_prefix', prefix, claims.sub);
  return { allow: true };
}

interface OidcTrust {
  issuer: string;
  audiences: string[];
  subject?: string;
  subject_prefix?: string;
}

function parseTrust(document: string): OidcTrust {
  const trust = parseDocument(document, what);
  refuseUnknownMembers(trust, ['issuer', 'audiences', 'subject', 'subject_prefix'], what);
  const { issuer, audiences, subject, subject_prefix: prefix } = trust;
  if (typeof issuer !== 'string') throw invalidDocument(what, 'has no `issuer`');
  if (!Array.isArray(audiences) || audiences.length === 0 || !audiences.every((one) => typeof one === 'string'))
    throw invalidDocument(what, 'has no `audiences`');
  if (typeof subject === 'string' && prefix === undefined) return { issuer, audiences, subject };
  // An empty prefix would take every identity of the issuer.
  if (typeof prefix === 'string' && prefix !== '' && subject === undefined)
    return { issuer, audiences, subject_prefix: prefix };
  throw invalidDocument(what, 'needs one of `subject` and `subject_prefix`');
}
