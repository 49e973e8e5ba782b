import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/slow/**', 'test/conformance/**'],
    globalSetup: ['test/setup.ts'],
    // Tests start real compilers: more workers than this only make each other miss their time.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    reporters: ['default', ['json', { outputFile: 'node_modules/.cache/drydock/tests.json' }]],
  },
});
