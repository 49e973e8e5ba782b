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
  'known-result': {
    intended: true,
    text: 'Cargo knows the last result of a unit only: it compiles again after `cargo clean`, for another target directory, when an edit is taken back. Drydock has every result in its store and puts it back: `Compiling` is said, but no command runs (`-v` shows none), and JSON messages say `"fresh": true`.',
  },
  'moved-checkout': {
    intended: true,
    text: 'Cargo leaves results as they are when the whole directory is moved, also those that name the old place. A unit of the workspace is told its real directory by drydock, so it is built for the new one.',
  },
  sandbox: {
    intended: true,
    text: 'A build script writes among its sources what is then compiled, or reads a file that belongs neither to its package nor to what is declared. The first ends with the sandbox, the second is not in it; what is said then tells how to do it.',
  },
  'no-network': {
    intended: true,
    run: false,
    text: 'The test talks over TCP with a build script or a wrapper. A sandbox has no network, so the test would wait for ever; it is not run.',
  },
  'own-identity': {
    intended: true,
    text: "The test asserts cargo's own `-C metadata` or `-C extra-filename`, or that two units share them (`Dirty`, where drydock sees another unit). Drydock has its own, constant for a unit, because rustc's incremental state depends on them.",
  },
  'old-toolchain': {
    intended: true,
    text: "The test's compiler says that it is Rust 1.44 or older. Drydock asks for 1.82 and refuses it (D0104); it would also name files by the whole version where cargo names them by the channel.",
  },
  'constant-flags': {
    intended: true,
    text: "The width of the terminal is no argument of rustc: rustc's incremental state is thrown away when its flags change, and a window is resized more often than a profile.",
  },
  'unread-variable': {
    intended: true,
    text: "Cargo tells every unit its package's description, authors and the like. Drydock tells these to units of path packages that read them, so that nothing is compiled when a description is edited; `-vv` shows what a unit is told.",
  },
  'whole-package': {
    intended: true,
    text: "A build script that names no inputs is run again when any file of its package changes, also one that the manifest's `exclude` keeps out of the published archive: the sandbox shows it that file, so it may have read it.",
  },
  'other-verb': {
    intended: false,
    text: 'The test builds, then calls a verb that drydock does not have (`install`, `package`, `doc`), which goes to cargo itself, and asserts that this one finds everything fresh (or the other way round). Cargo goes by fingerprints of its own, which drydock does not write; it passes once drydock has that verb, too.',
  },
  'not-done': {
    intended: false,
    text: 'Drydock should pass and does not yet.',
  },
};
