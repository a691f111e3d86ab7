/** Prints a line in long runs, so that people see progress. */
export function progress(text: string): void {
  if (process.env.ARSIA_TEST_LONG === '1') process.stdout.write(`  ${text}\n`);
}
