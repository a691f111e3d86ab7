import type { SigningAlgorithm } from '../signers/signer.ts';

/** Keys that sign one kind of thing. A key of one set signs nothing that belongs to another (docs/decisions/0026). */
export interface KeySet {
  /**
   * Its row in the table `key_sets`, and a part of the purpose that its private keys are sealed for: a set that is renamed
   * cannot be opened.
   */
  readonly name: string;
  /** What its keys sign, for people. */
  readonly purpose: string;
  /** The algorithm of all its keys: one JWKS never mixes key types. */
  readonly alg: SigningAlgorithm;
}

/** The key sets of an installation. A new one needs a line here and, in a migration, its row in `key_sets`. */
export const keySets = {
  // The one algorithm that all three clouds accept (cloud-facts.md 0.2).
  workload: { name: 'workload', purpose: 'workload tokens', alg: 'RS256' },
  authorization: { name: 'authorization', purpose: 'ID tokens of people who sign in', alg: 'RS256' },
} as const satisfies Readonly<Record<string, KeySet>>;

export type KeySetName = keyof typeof keySets;

/** Makes one thing for each key set. */
export function perKeySet<Made>(make: (keySet: (typeof keySets)[KeySetName]) => Made): Record<KeySetName, Made> {
  const made = Object.values(keySets).map((keySet) => [keySet.name, make(keySet)] as const);
  return Object.fromEntries(made) as Record<KeySetName, Made>;
}
