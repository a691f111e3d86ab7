import { type IdKind, makeId } from './ids.ts';

/** Time and randomness as injected values. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  random(bytes: number): Uint8Array;
}

export function newId(clock: Clock, kind: IdKind): string {
  return makeId(kind, clock.now(), clock.random);
}
