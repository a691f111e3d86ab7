import type { Clock } from '../core/clock.ts';

/** What a cloud has handed out, by the text that names it, in memory only. */
export interface Issued<Grant> {
  put(name: string, grant: Grant): void;
  get(name: string): Grant | undefined;
}

/** Holds the newest `limit` grants: a long demo or a benchmark must not grow without end. */
export function makeIssued<Grant>(limit = 10_000): Issued<Grant> {
  const grants = new Map<string, Grant>();
  return {
    put(name, grant) {
      grants.set(name, grant);
      if (grants.size > limit) grants.delete(grants.keys().next().value as string);
    },
    get: (name) => grants.get(name),
  };
}

/** Opaque text of `bytes` random bytes. */
export function opaque(clock: Clock, bytes: number): string {
  return Buffer.from(clock.random(bytes)).toString('base64url');
}

/** A version 4 UUID (RFC 9562 5.4). */
export function uuid(clock: Clock): string {
  const bytes = Buffer.from(clock.random(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
