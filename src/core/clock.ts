import { type IdKind, makeId } from './ids.ts';

/** The source of time and randomness. Everything that needs either takes a Clock, so that tests can replace it. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  random(bytes: number): Uint8Array;
}

export function newId(clock: Clock, kind: IdKind): string {
  return makeId(kind, clock.now(), clock.random);
}
