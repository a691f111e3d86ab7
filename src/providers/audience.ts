import { mustBe, textField } from './fields.ts';

const example = 'https://vault.example.com';
const rule = '1 to 256 printable characters without spaces';

/**
 * Audiences that mean a cloud: an identity of a free kind with one of these would make tokens that pass there for those of
 * another kind, without that kind's claims and limits.
 */
const reserved = [
  /^aws(?::|$)/i,
  /(?:^|\.)amazonaws\.(?:com|com\.cn|eu)(?:$|[:/])/i,
  /^api:\/\/AzureADTokenExchange/i,
  /^(?:https?:)?\/\/iam\.googleapis\.com(?:$|\/)/i,
];

function isReservedAudience(audience: string): boolean {
  return reserved.some((pattern) => pattern.test(audience));
}

/** The `audience` of kinds where the admin chooses it. It is compared byte for byte. */
export function audienceField(description: string) {
  return textField({ title: 'Audience', description, example }, /^[\x21-\x7e]{1,256}$/, rule).refine(
    (audience) => !isReservedAudience(audience),
    { error: `${mustBe('an audience of your own', example)}: this one is a cloud's` },
  );
}
