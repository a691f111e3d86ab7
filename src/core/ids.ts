/**
 * Prefixes of ids. An id is a prefix, `_` and 26 lower-case Crockford base32 characters of a UUIDv7 (RFC 9562 5.7). Ids are
 * immutable, never reused and sort by creation time.
 */
export const idPrefixes = {
  group: 'grp',
  workspace: 'ws',
  user: 'usr',
  team: 'team',
  service_account: 'sa',
  managed_identity: 'mi',
  job: 'job',
  event: 'evt',
  membership: 'mem',
  grant: 'grant',
  may_act: 'act',
  assignment: 'asg',
  secret: 'sec',
  access_rule: 'rule',
  alias: 'alias',
  subject_grant: 'subj',
  invitation: 'inv',
  trust_rule: 'trust',
  user_tie: 'tie',
} as const;

export type IdKind = keyof typeof idPrefixes;

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const bodyPattern = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/;

/** Creates an id. `now` is in milliseconds since 1970; `random` returns the given number of random bytes. */
export function makeId(kind: IdKind, now: number, random: (bytes: number) => Uint8Array): string {
  const tail = random(10);
  const bytes = new Uint8Array(16);
  for (let index = 5, rest = now; index >= 0; index--, rest = Math.floor(rest / 256)) bytes[index] = rest % 256;
  bytes.set(tail, 6);
  bytes[6] = 0x70 | (tail[0]! & 0x0f);
  bytes[8] = 0x80 | (tail[2]! & 0x3f);
  // Five bits per character, most significant first. 26 characters hold 130 bits, so two zero bits precede the 128.
  let body = '';
  let bits = 0;
  for (let index = 0, held = 2; index < 16; index++) {
    bits = (bits << 8) | bytes[index]!;
    for (held += 8; held >= 5; held -= 5) body += alphabet[(bits >> (held - 5)) & 31];
    bits &= 31;
  }
  return `${idPrefixes[kind]}_${body}`;
}

export function isId(kind: IdKind, text: string): boolean {
  const prefix = `${idPrefixes[kind]}_`;
  return text.startsWith(prefix) && bodyPattern.test(text.slice(prefix.length));
}
