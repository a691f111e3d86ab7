import type { MintFacts } from '../../core/mintfacts.ts';

/**
 * Returns what the facts of a mint cost, in characters of what an organisation may have much of. Facts of many jobs are read
 * at once (coalesce.ts), and those of one organisation must not make the read long for the others.
 */
export function costOfFacts(read: { facts: Pick<MintFacts, 'identity' | 'launcher' | 'user'> } | null): number {
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

/** Characters of one mint at least, and of a row of ids. */
const least = 500;
const ofRow = 100;

/**
 * Cost limits of the shared reads. Half a megabyte is parsed in a few milliseconds, and decided on in as many. Four mints of
 * an organisation whose cost is unknown join the first read.
 */
export const factsCost = { of: costOfFacts, unknown: 125_000, maximum: 500_000, maximumPerSecond: 2_500_000 };

/**
 * Facts that cost more are not kept: decisions on kept facts pass no limit, and take as long as the facts are large. The
 * default quotas allow half of it.
 */
export const maximumKeptCost = 250_000;

function lengthOf(texts: readonly string[]): number {
  return sum(texts, (text) => text.length + 3);
}

function sum<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
