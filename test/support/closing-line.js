import { writeSync } from 'node:fs';

/** Prints the closing line `N passed, N failed`, which CI reads. */
export default class ClosingLine {
  onRunComplete(_contexts, results) {
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    // At the exit, because jest prints its summary after all reporters.
    process.once('exit', () => writeSync(1, `\n${results.numPassedTests} passed, ${failed} failed\n`));
  }
}
