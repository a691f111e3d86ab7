import { isObject } from '../../core/json.ts';
import { parseRoleArn } from './accounts.ts';
import { createAwsRefusal } from './errors.ts';

/** Claims of a token that AWS STS reads beside the registered ones (cloud-facts.md 1.4). */
const rolesClaim = 'https://aws.amazon.com/roles';
const tagsClaim = 'https://aws.amazon.com/tags';
const sourceIdentityClaim = 'https://aws.amazon.com/source_identity';

const tagKeyPattern = /^(?!aws:)[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/iu;
const tagValuePattern = /^(?!aws:)[\p{L}\p{Z}\p{N}_.:/=+\-@*]{0,256}$/iu;
const sourceIdentityPattern = /^(?!aws:)[\w+=,.@-]{2,64}$/;
const maximumTags = 50;

type Claims = Readonly<Record<string, unknown>>;

/**
 * Checks that the roles claim lists the role, before the trust policy (cases/aws-facts.md 22 to 24). It is a list, one ARN, or ARNs that
 * are separated by `;`. Throws Refusal.
 */
export function checkRolesClaim(claims: Claims, roleArn: string): void {
  const claim = claims[rolesClaim];
  if (claim === undefined || claim === null) return;
  if (typeof claim !== 'string' && !Array.isArray(claim))
    throw refuseToken('The roles claim is not in a supported format');
  const entries: unknown[] = typeof claim === 'string' ? claim.split(';') : claim;
  const listed = entries.map((entry) => (typeof entry === 'string' ? entry.trim() : '')).filter(isRole);
  if (listed.length === 0) throw refuseToken('The roles claim contains no valid role ARNs');
  if (!listed.includes(roleArn))
    throw refuseToken('The target role ARN is not present in the roles claim of the identity token');
}

/** AWS does not read a list with commas as one ARN with a long path. */
function isRole(text: string): boolean {
  return parseRoleArn(text) !== undefined && text.split(':').length === 6;
}

/** Checks the form of session tags and source identity. The trust policy decides whether they are permitted. Throws Refusal. */
export function checkSessionClaims(claims: Claims): void {
  if (claims[tagsClaim] !== undefined) checkTags(claims[tagsClaim]);
  if (claims[sourceIdentityClaim] !== undefined && readSourceIdentity(claims) === undefined)
    throw refuseToken('The source_identity claim is malformed.');
}

export function readSourceIdentity(claims: Claims): string | undefined {
  const value = claims[sourceIdentityClaim];
  return typeof value === 'string' && sourceIdentityPattern.test(value) ? value : undefined;
}

function checkTags(claim: unknown): void {
  const tags = isObject(claim) ? claim.principal_tags : undefined;
  if (!isObject(claim) || !isObject(tags)) throw refuseToken('The tags claim has no principal_tags.');
  const entries = Object.entries(tags);
  if (entries.length > maximumTags) throw refuseToken(`The tags claim has more than ${maximumTags} tags.`);
  if (new Set(entries.map(([key]) => key.toLowerCase())).size < entries.length)
    throw refuseToken('The tags claim has keys that differ by case only.');
  for (const [key, values] of entries) {
    if (!Array.isArray(values)) throw refuseToken('principal_tags passed in claim is not in correct format.');
    const [value] = values.length === 1 ? values : [];
    if (!tagKeyPattern.test(key) || typeof value !== 'string' || !tagValuePattern.test(value))
      throw refuseToken(`The tag ${JSON.stringify(key)} is malformed.`);
  }
  const transitive = claim.transitive_tag_keys ?? [];
  if (!Array.isArray(transitive) || !transitive.every((key) => typeof key === 'string' && Object.hasOwn(tags, key)))
    throw refuseToken('The tags claim has transitive_tag_keys that are not keys of principal_tags.');
}

function refuseToken(message: string) {
  return createAwsRefusal('InvalidIdentityToken', message);
}
