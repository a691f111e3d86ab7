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
  // Jest keeps the modules and WebAssembly of ended test files. With 2 GB of them a worker takes a multiple of the CPU time.
  workerIdleMemoryLimit: '1GB',
  globalSetup: '<rootDir>/test/support/setup.ts',
  globalTeardown: '<rootDir>/test/support/teardown.ts',
  reporters: ['default', '<rootDir>/test/support/closing-line.js'],
};
