/** ESM through swc, so that the tests run the same module system that production runs. */
export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  testTimeout: 30000,
  // One more than the cores of the machine that lands: many tests wait, for a database that is gone or a process that starts.
  maxWorkers: 3,
  workerIdleMemoryLimit: '2GB',
  globalSetup: '<rootDir>/test/support/setup.ts',
  globalTeardown: '<rootDir>/test/support/teardown.ts',
  reporters: ['default', '<rootDir>/test/support/closing-line.js'],
};
