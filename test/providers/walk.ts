import type { Members } from '../../src/providers/document.ts';

export type Claims = Readonly<Record<string, unknown>>;
export type Json = Record<string, unknown>;

/** How to test the members of a provider's documents. `members.ts` in its test folder exports one as `walk`. */
export interface Walk {
  members: Readonly<Record<string, Members>>;
  evaluate(document: string, claims: Claims): { allow: boolean };
  claims: Claims;
  /** The objects with members, each in a document that allows the token. */
  places: Record<string, (change: Json) => Json>;
  /** Members that an object needs in addition to the tested one. */
  companions?: Record<string, Json>;
  /** Values of each member that deny the token. */
  refused: Record<string, unknown[]>;
}

export const iss = 'https://issuer.example.com/path';
export const host = 'issuer.example.com/path';
export const claims = { iss, sub: 'mi_1:ws_1', aud: 'aud', uid: 'u', groups: ['a'], number: 7 };
/** A member with this value is left out of the document. */
export const absent = undefined;
