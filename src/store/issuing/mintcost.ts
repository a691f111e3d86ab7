import type { MintFacts } from '../../core/mintfacts.ts';

/**
 * Returns the cost of the facts of a mint, in characters of the parts that an organisation can have many of. One statement
 * reads the facts of many jobs (coalesce.ts), and one organisation must not make it slow for the others.
 */
export function estimateFactsCost(read: { facts: Pick<MintFacts, 'identity' | 'launcher' | 'user'> } | null): number {
  if (read === null) return least;
  const { identity, launcher, user } = read.facts;
  const rules = sum(identity?.rules ?? [], ({ values }) => lengthOf(values));
  const rights = sum(
    launcher?.may_act ?? [],
    ({ users, stages, labels }) => lengthOf(users) + lengthOf(stages) + lengthOf(Object.entries(labels).flat()),
  );
  const rows = (identity?.choices.length ?? 0) + (user?.memberships.length ?? 0) + (launcher?.memberships.length ?? 0);
  return least + rules + rights + rows * ofRow;
}

/** Characters: the minimum cost of a mint, and the cost of a row of ids. */
const least = 500;
const ofRow = 100;

/**
 * Cost limits of the shared reads. Parsing half a megabyte takes a few milliseconds, and deciding on it takes as long. Four
 * mints of an organisation whose cost is not known yet join the first read.
 */
export const factsCost = { of: estimateFactsCost, unknown: 125_000, maximum: 500_000, maximumPerSecond: 2_500_000 };

/**
 * Facts above this cost are not kept, because no limit applies to decisions on kept facts, and their time grows with the
 * size of the facts. The default quotas allow half of it.
 */
export const maximumKeptCost = 250_000;

function lengthOf(texts: readonly string[]): number {
  return sum(texts, (text) => text.length + 3);
}

function sum<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
