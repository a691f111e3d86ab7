import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { runCLI } from 'jest';

/**
 * The command that Stryker runs for a mutant: only the tests of the mutated file, so that each file has
 * its own tests. Without a mutant (the dry run), and for a file without its own tests: all tests of core.
 */
const core = 'src/core';

/** Returns the instrumented file with the mutant, of which Stryker gives only the number. */
function mutatedFile(mutant: string): string | undefined {
  return readdirSync(core).find((file) => readFileSync(`${core}/${file}`, 'utf8').includes(`("${mutant}")`));
}

function testsOf(file: string | undefined): string {
  const tests = `test/core/${file?.replace(/\.ts$/, '.test.ts')}`;
  return existsSync(tests) ? tests : 'test/core/';
}

const mutant = process.env.__STRYKER_ACTIVE_MUTANT__;
const tests = testsOf(mutant === undefined ? undefined : mutatedFile(mutant));
const { default: config } = (await import(`${process.cwd()}/jest.config.js`)) as { default: Record<string, unknown> };
// Core needs no database, so the process that provides them is not started.
const { globalSetup: _setup, globalTeardown: _teardown, ...own } = config;
const { results } = await runCLI(
  {
    config: JSON.stringify({ ...own, rootDir: process.cwd(), reporters: [['summary', {}]] }),
    _: [tests],
    $0: 'jest',
    runInBand: true,
    bail: 1,
    watchman: false,
  },
  [process.cwd()],
);
process.exitCode = results.success ? 0 : 1;
