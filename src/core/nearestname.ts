/** Returns the name that a mistyped one was most likely meant to be, and how many letters they differ by. `names` is not empty. */
export function nearestName<Name extends string>(
  text: string,
  names: readonly Name[],
): { name: Name; distance: number } {
  const distances = names.map((name) => ({ name, distance: editDistance(text.slice(0, 100), name) }));
  return distances.reduce((best, one) => (one.distance < best.distance ? one : best));
}

/** Levenshtein's distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [index, letter] of [...a].entries()) {
    const next = [index + 1];
    for (const [column, other] of [...b].entries())
      next.push(Math.min(next[column]! + 1, row[column + 1]! + 1, row[column]! + (letter === other ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}
