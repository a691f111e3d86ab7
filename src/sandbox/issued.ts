import type { Clock } from '../core/clock.ts';

/** Credentials that a cloud issued, by the token or key id, in memory only. */
export interface Issued<Grant> {
  put(name: string, grant: Grant): void;
  get(name: string): Grant | undefined;
}

/** Creates a store of the newest `limit` grants, so that a long demo or a benchmark does not grow without limit. */
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

/** Creates opaque text from `bytes` random bytes. */
export function createOpaqueText(clock: Clock, bytes: number): string {
  return Buffer.from(clock.random(bytes)).toString('base64url');
}

/** Creates a version 4 UUID (RFC 9562 5.4). */
export function createUuid(clock: Clock): string {
  const bytes = Buffer.from(clock.random(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
