import { matches, type Pattern, splitPattern, wildcards } from './patterns.ts';

/** Conversions of the texts of condition values (cases/aws-facts.md 31 to 37). Each returns undefined for other text. */

export function toNumber(text: string): number | undefined {
  return /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : undefined;
}

const datePattern = /^(\d{4})-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:?\d\d)?)?)?$/;

/** Returns the milliseconds since 1970 of an ISO 8601 date or of seconds since 1970. */
export function toDate(text: string): number | undefined {
  if (/^-?\d{1,15}$/.test(text)) return Number(text) * 1000;
  const [whole, year, month, day = '01', hour = '00', minute = '00', second = '00', fraction = '0', zone = 'Z'] =
    datePattern.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const [y, mo, d, h, mi, s] = [year, month, day, hour, minute, second].map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const at = new Date(0);
  at.setUTCFullYear(y, mo - 1, d);
  at.setUTCHours(h, mi, s);
  // The 30th of February, the 61st second: Date counts on.
  if (at.getUTCMonth() !== mo - 1 || at.getUTCDate() !== d || h > 23 || mi > 59 || s > 59) return undefined;
  return at.getTime() + Number(`0.${fraction}`) * 1000 - zoneOffset(zone);
}

function zoneOffset(zone: string): number {
  if (zone === 'Z') return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2));
  return (zone.startsWith('-') ? -minutes : minutes) * 60_000;
}

/** Anything but `true` is false, also text that is neither (cases/aws-facts.md 31). */
export function toBoolean(text: string): boolean {
  return text.toLowerCase() === 'true';
}

/** Returns whether a text is base64 in the form that an encoder writes: padded, without spaces and unused bits. */
export function isCanonicalBase64(text: string): boolean {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) return false;
  return btoa(atob(text)) === text;
}

/** Lowers like Java: letters beyond U+FFFF stay as they are, and the last sigma of a word is `ς` (cases/aws-facts.md 37). */
export function foldCase(text: string): string {
  const kept = text.match(/[\u{10000}-\u{10ffff}]/gu) ?? [];
  const lower = text.toLowerCase();
  if (kept.length === 0) return lower;
  let index = 0;
  return lower.replace(/[\u{10000}-\u{10ffff}]/gu, () => kept[index++]!);
}

/** The bytes of an address: 4, or 16 for IPv6. */
export type Address = readonly number[];

export interface Network {
  address: Address;
  /** Bits. */
  prefix: number;
}

export function toAddress(text: string): Address | undefined {
  return text.includes(':') ? toAddress6(text) : toAddress4(text);
}

/** Leading zeros are decimal (cases/aws-facts.md 34). */
function toAddress4(text: string): Address | undefined {
  const bytes = text.split('.').map((part) => (/^\d{1,10}$/.test(part) ? Number(part) : 256));
  return bytes.length === 4 && bytes.every((byte) => byte < 256) ? bytes : undefined;
}

function toAddress6(text: string): Address | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map(toBytes6);
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  if (halves.length === 1) return head.length === 16 ? head : undefined;
  const missing = 16 - head.length - tail!.length;
  return missing >= 2 ? [...head, ...new Array<number>(missing).fill(0), ...tail!] : undefined;
}

/** Returns the bytes of groups that are separated by a colon; the last may be an IPv4 address. */
function toBytes6(text: string): number[] | undefined {
  if (text === '') return [];
  const bytes: number[] = [];
  const groups = text.split(':');
  for (const [index, group] of groups.entries()) {
    const embedded = index === groups.length - 1 && group.includes('.') ? toAddress4(group) : undefined;
    if (embedded !== undefined) bytes.push(...embedded);
    else if (/^[0-9a-fA-F]{1,4}$/.test(group)) {
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 255);
    } else return undefined;
  }
  return bytes.length <= 16 ? bytes : undefined;
}

export function toNetwork(text: string): Network | undefined {
  const slash = text.indexOf('/');
  const address = toAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  if (slash < 0) return { address, prefix: address.length * 8 };
  const digits = text.slice(slash + 1);
  const prefix = Number(digits);
  return /^\d{1,3}$/.test(digits) && prefix <= address.length * 8 ? { address, prefix } : undefined;
}

export function isWithin({ address, prefix }: Network, other: Address): boolean {
  if (address.length !== other.length) return false;
  return address.every((byte, index) => {
    const bits = Math.min(8, Math.max(0, prefix - index * 8));
    const mask = (0xff << (8 - bits)) & 0xff;
    return (byte & mask) === (other[index]! & mask);
  });
}

const colon = 0x3a;
/** `arn:partition:service:region:account:resource`; the resource may have colons. */
const arnParts = 6;

export function isArn(text: string): boolean {
  return text.startsWith('arn:') && text.split(':', arnParts).length === arnParts;
}

/** Returns the patterns of the parts of an ARN; undefined where it is malformed. `*` alone matches every ARN. */
export function toArnPattern(pattern: Pattern): Pattern[] | undefined {
  const [everything] = wildcards('*');
  if (pattern.length === 1 && pattern[0] === everything) return new Array<Pattern>(arnParts).fill(pattern);
  const parts = splitPattern(pattern, colon, arnParts);
  return parts.length === arnParts && matches(parts[0]!, 'arn') ? parts : undefined;
}

/** Compares part by part, so that no wildcard crosses one of the first five colons. */
export function matchesArn(parts: readonly Pattern[], arn: string): boolean {
  let from = 0;
  return parts.every((part, index) => {
    const end = index === parts.length - 1 ? arn.length : arn.indexOf(':', from);
    const text = arn.slice(from, end);
    from = end + 1;
    return end >= 0 && matches(part, text);
  });
}
