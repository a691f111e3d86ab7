import { randomBytes } from 'node:crypto';
import { type IdKind, makeId } from './core/ids.ts';

/** Time and randomness as injected values: the only file that asks the machine for either. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  random(bytes: number): Uint8Array;
}

export const systemClock: Clock = { now: () => Date.now(), random: (bytes) => randomBytes(bytes) };

export function newId(clock: Clock, kind: IdKind): string {
  return makeId(kind, clock.now(), clock.random);
}
