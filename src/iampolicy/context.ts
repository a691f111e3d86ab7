/** The values of a condition key in a request. */
export interface Fact {
  values: readonly string[];
  /** True for a key that can have several values, such as `aws:TagKeys`, also where it has one. */
  isList: boolean;
}

/** The condition keys of a request. */
export interface Context {
  /**
   * Returns the values of a key, whose name is in lower case; undefined where the request does not have the key, and `unknown`
   * where the caller cannot tell.
   */
  find(key: string): Fact | 'unknown' | undefined;
}

/** Creates a context of which every key is known. Keys are in any case. */
export function makeContext(facts: Readonly<Record<string, Fact>>): Context {
  const known = new Map(Object.entries(facts).map(([key, fact]) => [key.toLowerCase(), fact]));
  return { find: (key) => known.get(key) };
}
