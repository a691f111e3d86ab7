import { invalidDocument, isObject, parseDocument, refuseUnknownMembers, unsupported } from '../document.ts';
import type { Verdict } from '../provider.ts';
import { deny } from '../verdict.ts';

const what = 'federated identity credential';
/** What Graph, ARM and the command line show of a credential; the rest of it is names. */
const members = ['name', 'issuer', 'subject', 'audiences', 'description', 'id', '@odata.context', '@odata.id'];
const wrapperMembers = ['properties', 'name', 'id', 'type', 'systemData', 'resourceGroup'];

/**
 * What a federated identity credential says to a token: issuer, subject and audience, each equal byte for byte, case and
 * white space included (cloud-facts.md 2.1). Takes Graph's form and ARM's, which wraps it in `properties`.
 */
export function evaluate(document: string, claims: Readonly<Record<string, unknown>>): Verdict {
  const credential = parseCredential(document);
  for (const [condition, claim] of [
    ['issuer', 'iss'],
    ['subject', 'sub'],
    ['audience', 'aud'],
  ] as const) {
    const expected = credential[condition];
    const actual = claims[claim];
    if (actual !== expected) return deny(condition, expected, actual);
  }
  return { allow: true };
}

function parseCredential(document: string): { issuer: string; subject: string; audience: string } {
  let credential = parseDocument(document, what);
  if (isObject(credential.properties)) {
    refuseUnknownMembers(credential, wrapperMembers, what);
    credential = credential.properties;
  }
  if (credential.claimsMatchingExpression !== undefined && credential.claimsMatchingExpression !== null)
    throw unsupported(
      what,
      '`claimsMatchingExpression`',
      'an exact `subject`: Entra takes expressions for a few issuers only',
    );
  refuseUnknownMembers(credential, [...members, 'claimsMatchingExpression'], what);
  const { issuer, subject, audiences } = credential;
  if (typeof issuer !== 'string' || issuer === '') throw invalidDocument(what, 'has no `issuer`');
  if (typeof subject !== 'string' || subject === '') throw invalidDocument(what, 'has no `subject`');
  if (!Array.isArray(audiences) || audiences.length !== 1 || typeof audiences[0] !== 'string')
    throw invalidDocument(what, 'must have exactly one audience, such as "audiences": ["api://AzureADTokenExchange"]');
  return { issuer, subject, audience: audiences[0] };
}
