import type { Members } from '../../src/providers/document.ts';

export type Claims = Readonly<Record<string, unknown>>;
export type Json = Record<string, unknown>;

/** How the members of the documents of a kind are tested: `members.ts` in the folder of its tests exports one as `walk`. */
export interface Walk {
  members: Readonly<Record<string, Members>>;
  evaluate(document: string, claims: Claims): { allow: boolean };
  claims: Claims;
  /** The objects that have the members, each in a document that is allowed as it is. */
  places: Record<string, (change: Json) => Json>;
  /** Members that an object needs beside the one that is tested. */
  companions?: Record<string, Json>;
  /** Values of each member that deny the token. */
  refused: Record<string, unknown[]>;
}

export const iss = 'https://issuer.example.com/path';
export const host = 'issuer.example.com/path';
export const claims = { iss, sub: 'mi_1:ws_1', aud: 'aud', uid: 'u', groups: ['a'], number: 7 };
/** A member with this value is left out of the document. */
export const absent = undefined;
