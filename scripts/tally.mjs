// Prints `N passed, N failed` from the results that the last vitest run left. Tests that never ran count as one failure.
import { readFileSync } from 'node:fs';

const file = new URL('../node_modules/.cache/drydock/tests.json', import.meta.url);
let passed = 0;
let failed = 1;
try {
  const results = JSON.parse(readFileSync(file, 'utf8'));
  // A test file that could not be loaded has no test to count: it is one failure by itself.
  const unloadable = results.testResults.filter(
    (suite) => suite.status === 'failed' && !suite.assertionResults.some((test) => test.status === 'failed'),
  );
  passed = results.numPassedTests;
  failed = results.numFailedTests + unloadable.length;
  if (failed === 0 && results.success === false) failed = 1;
} catch {
  console.error('tally: no test was run');
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
