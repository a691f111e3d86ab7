/** A mutant that no test can detect: the code, its replacement, and why both behave alike. */
export interface Equivalent {
  file: string;
  /** The mutated code, as in the file. */
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
