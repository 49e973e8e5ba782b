// The closed set of reasons for which a test of cargo's suite may fail, each told once. test/conformance/expected.json
// names one of these for every test that fails.

/**
 * `intended`: drydock means to differ here. A test that fails with another reason is a debt. `run: false`: such a test
 * would never end; it counts as failed without being run.
 */
export const REASONS = {
  'content-not-mtime': {
    intended: true,
    text: 'Cargo compiles again when a file is newer than the last build. Drydock looks at what the file contains: a touched file, a checkout or a restored backup compiles nothing. What is built is the same.',
  },
  'own-layout': {
    intended: true,
    text: "The test looks into files that are cargo's own book-keeping (`.fingerprint`, `.rustc_info.json`, dep-info in cargo's binary form, hashes in file names). Drydock keeps its own, and no program that builds on `target/` reads them.",
  },
  'own-name': {
    intended: true,
    text: 'The test asserts the name of the program, in a usage text or in `argv[0]`.',
  },
  sandbox: {
    intended: true,
    text: 'A build script, a proc macro or a wrapper reaches for something outside of its package and of what is declared. That is what a sandbox refuses; the error names it and says how to allow it.',
  },
  'no-network': {
    intended: true,
    run: false,
    text: 'The test talks over TCP with a build script or a wrapper. A sandbox has no network, so the test would wait for ever; it is not run.',
  },
  'own-identity': {
    intended: true,
    text: "The test asserts cargo's own `-C metadata` or `-C extra-filename`. Drydock has its own, constant for a unit, because rustc's incremental state depends on them.",
  },
  'not-done': {
    intended: false,
    text: 'Drydock should pass and does not yet.',
  },
};
