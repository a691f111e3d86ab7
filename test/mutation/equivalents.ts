/** A mutant that no test can tell from the code: what it changes, into what, and why nothing comes of it. */
export interface Equivalent {
  file: string;
  /** The mutated piece of code, as it stands in the file. */
  code: string;
  replacement: string;
  reason: string;
}

const checkedBefore =
  'These are compared once every claim is well-formed: `sub` is a subject by then. Were it none, a missing part must refuse.';

export const equivalents: readonly Equivalent[] = ['identity_id', 'workspace_id', 'user_id'].map((part) => ({
  file: 'src/core/claims.ts',
  code: `subject?.${part}`,
  replacement: `subject.${part}`,
  reason: checkedBefore,
}));
