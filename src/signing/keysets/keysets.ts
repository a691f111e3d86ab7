import type { SigningAlgorithm } from '../signers/signer.ts';

/** A set of keys that sign for one purpose. A key of one set never signs for another (docs/decisions/0026). */
export interface KeySet {
  /**
   * Its row in the table `key_sets`, and part of the purpose that its private keys are sealed for. It must not change: the
   * keys of a renamed set cannot be opened.
   */
  readonly name: string;
  /** The name of what its keys sign, for messages. */
  readonly purpose: string;
  /** The algorithm of all its keys: a JWKS never mixes key types. */
  readonly alg: SigningAlgorithm;
}

/** The key sets of an installation. A new one needs a line here and, in a migration, its row in `key_sets`. */
export const keySets = {
  // The only algorithm that all three clouds accept (cloud-facts.md 0.2).
  workload: { name: 'workload', purpose: 'workload tokens', alg: 'RS256' },
  authorization: { name: 'authorization', purpose: 'ID tokens of people who sign in', alg: 'RS256' },
} as const satisfies Readonly<Record<string, KeySet>>;

export type KeySetName = keyof typeof keySets;

/** Returns the result of `make` for each key set. */
export function perKeySet<Made>(make: (keySet: (typeof keySets)[KeySetName]) => Made): Record<KeySetName, Made> {
  const made = Object.values(keySets).map((keySet) => [keySet.name, make(keySet)] as const);
  return Object.fromEntries(made) as Record<KeySetName, Made>;
}
