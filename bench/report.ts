/** A figure of the run. `ratio` is the value relative to `against`, measured in the same run. */
export interface Figure {
  value: number;
  unit: string;
  ratio: number;
  against: string;
}

export type Figures = Record<string, Figure>;

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Returns the median ratio of the pairs, not the ratio of the medians: a slow machine slows both sides of a pair. */
export function compare(values: number[], peers: number[], unit: string, against: string): Figure {
  const ratios = values.map((value, index) => value / peers[index]!);
  return { value: round(median(values)), unit, ratio: round(median(ratios)), against };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

export function table(figures: Figures): string {
  const head = ['', 'value', '', 'ratio', 'against'];
  const rows = Object.entries(figures).map(([name, { value, unit, ratio, against }]) => [
    name,
    value >= 100 ? value.toFixed(0) : value.toFixed(1),
    unit,
    ratio.toFixed(2),
    against,
  ]);
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]!.length)));
  const isNumber = (column: number) => column === 1 || column === 3;
  return [head, ...rows]
    .map((row) =>
      row
        .map((cell, column) => (isNumber(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
