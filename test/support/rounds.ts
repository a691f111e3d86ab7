/** Returns the number of rounds of a fault or race test: few in `npm test`, all in `npm run test:long` (ARSIA_TEST_LONG=1). */
export function rounds(short: number, long: number): number {
  return process.env.ARSIA_TEST_LONG === '1' ? long : short;
}
