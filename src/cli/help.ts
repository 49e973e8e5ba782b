/** What `drydock help`, `drydock --help` and `drydock COMMAND --help` print. */

const BUILD_OPTIONS = `\
Package Selection:
  -p, --package <SPEC>      Package to build (see \`cargo help pkgid\`)
      --workspace           Build all packages in the workspace
      --exclude <SPEC>      Exclude packages from the build
      --all                 Alias for --workspace (deprecated)

Target Selection:
      --lib                 Build only this package's library
      --bins                Build all binaries
      --bin <NAME>          Build only the specified binary
      --examples            Build all examples
      --example <NAME>      Build only the specified example
      --tests               Build all targets that have \`test = true\` set
      --test <NAME>         Build only the specified test target
      --benches             Build all targets that have \`bench = true\` set
      --bench <NAME>        Build only the specified bench target
      --all-targets         Build all targets

Feature Selection:
  -F, --features <FEATURES> Space or comma separated list of features to activate
      --all-features        Activate all available features
      --no-default-features Do not activate the \`default\` feature

Compilation Options:
  -r, --release             Build artifacts in release mode, with optimizations
      --profile <NAME>      Build artifacts with the specified profile
  -j, --jobs <N>            Number of parallel jobs, defaults to # of CPUs
      --keep-going          Do not abort the build as soon as there is an error
      --target <TRIPLE>     Build for the target triple
      --target-dir <DIR>    Directory for all generated artifacts

Manifest Options:
      --manifest-path <PATH>  Path to Cargo.toml
      --locked              Assert that \`Cargo.lock\` will remain unchanged
      --offline             Run without accessing the network
      --frozen              Equivalent to specifying both --locked and --offline

Display Options:
  -v, --verbose...          Use verbose output (-vv also shows the output of build scripts)
  -q, --quiet               Do not print progress or status messages
      --color <WHEN>        Coloring: auto, always, never
      --message-format <FMT>  Error format, as cargo's
      --config <KEY=VALUE|PATH>  Override a configuration value
`;

const OWN_OPTIONS = `\
Drydock Options:
      --pure                Build path packages as everything else is built: no incremental state, nothing of this
                            checkout's place in the result, reproducible
      --store <DIR>         Where built units are kept [default: $XDG_DATA_HOME/drydock; env: DRYDOCK_STORE]
`;

const ENVIRONMENT = `\
Environment:
  DRYDOCK_STORE             Where built units are kept, where --store does not say it
  DRYDOCK_SANDBOX=off       Units see the whole host and its network. For measurements alone: do not use what comes out
`;

const RUNS = `\
Programs run outside of the sandbox, as they do with cargo: with its environment and, where one is configured,
its runner.
`;

/** One text per command, in the order in which the overview lists them. */
const COMMANDS: Readonly<Record<string, { readonly about: string; readonly text: string }>> = {
  build: {
    about: 'Build the current package as `cargo build` does, each unit in a sandbox of its own',
    text: `Usage: cargo drydock build [OPTIONS]\n\n${BUILD_OPTIONS}\n${OWN_OPTIONS}\n${ENVIRONMENT}`,
  },
  check: {
    about: 'Check the current package for errors as `cargo check` does',
    text: `Usage: cargo drydock check [OPTIONS]\n\n${BUILD_OPTIONS}\n${OWN_OPTIONS}\n${ENVIRONMENT}`,
  },
  run: {
    about: 'Build a binary or example and run it as `cargo run` does',
    text: `Usage: cargo drydock run [OPTIONS] [ARGS]...

      --bin <NAME>          Name of the binary to run
      --example <NAME>      Name of the example to run

${RUNS}Takes the options of \`cargo run\`, and these:\n\n${OWN_OPTIONS}\n${ENVIRONMENT}`,
  },
  test: {
    about: 'Build the tests and run them as `cargo test` does, those in documentation too',
    text: `Usage: cargo drydock test [OPTIONS] [TESTNAME] [-- [ARGS]...]

      --no-run              Compile, but don't run tests
      --no-fail-fast        Run all tests regardless of failure
      --doc                 Test only this library's documentation

${RUNS}\n${BUILD_OPTIONS}\n${OWN_OPTIONS}\n${ENVIRONMENT}`,
  },
  bench: {
    about: 'Build the benchmarks and run them as `cargo bench` does',
    text: `Usage: cargo drydock bench [OPTIONS] [BENCHNAME] [-- [ARGS]...]

      --no-run              Compile, but don't run benchmarks
      --no-fail-fast        Run all benchmarks regardless of failure

${RUNS}\n${BUILD_OPTIONS}\n${OWN_OPTIONS}\n${ENVIRONMENT}`,
  },
  plan: {
    about: 'Print what would be built: package, target, mode, lane, derivation and output of each unit',
    text: `Usage: cargo drydock plan [--json] [OPTIONS]

      --json                One JSON document instead of a table

Takes the options of \`cargo drydock build\`; builds nothing.\n\n${BUILD_OPTIONS}\n${OWN_OPTIONS}`,
  },
  'show-derivation': {
    about: "Print a unit's derivation as `nix show-derivation` does",
    text: `Usage: cargo drydock show-derivation <UNIT> [OPTIONS]

UNIT is a derivation's path, an output's path, or a package's name (see \`cargo drydock plan\`).
Takes the options of \`cargo drydock build\`.
`,
  },
  explain: {
    about: 'Say, for each unit that the last build compiled, why',
    text: `Usage: cargo drydock explain [UNIT]

Without UNIT: one sentence for each unit that was built again. With UNIT: also the ones that were not.
`,
  },
  export: {
    about: 'Write the units as Nix expressions, which stock Nix builds to the same paths',
    text: `Usage: cargo drydock export nix [--out <DIR>] [OPTIONS]

      --out <DIR>           Where to [default: \`nix\` in the workspace's root]

Afterwards: nix build --file nix/cargo_build_caller.nix target -L
Takes the options of \`cargo drydock build\`; builds nothing.\n\n${BUILD_OPTIONS}\n${OWN_OPTIONS}`,
  },
  gc: {
    about: 'Remove from the store what no recent build used',
    text: `Usage: cargo drydock gc [OPTIONS]

      --store <DIR>         The store [default: $XDG_DATA_HOME/drydock; env: DRYDOCK_STORE]

Outputs of path packages go first, least recently used first, down to the budget (10 GiB); the last two of each unit
stay.
`,
  },
  store: {
    about: 'Show how large the store is; check what it holds',
    text: `Usage: cargo drydock store [verify [--repair]]

      --store <DIR>         The store [default: $XDG_DATA_HOME/drydock; env: DRYDOCK_STORE]

Without an argument: the place, the number and the size of its paths by lane.
  verify                    Look at every path again, and say which are not what they should be (exit code 1)
      --repair              Remove these, so that they are built again
`,
  },
  mount: {
    about: 'Run a command of Nix with the cache mounts that its derivations ask for',
    text: `Usage: cargo drydock mount [--dir <ID>=<DIR>]... -- <COMMAND>

      --dir <ID>=<DIR>      The directory behind the mounts of this id, or whose id starts with it and a slash
                            [default: rustc's state in the project's target/debug/incremental, others below
                            $XDG_CACHE_HOME/drydock/mounts]

COMMAND is \`nix build\`, \`nix-build\` or \`nix-store --realise\`. It runs with DRYDOCK_MOUNT in its environment,
which says to an evaluation that mounts may be asked for. The daemon needs the hook: \`drydock nix install-hook\`.
`,
  },
  nix: {
    about: "Install or check the Nix daemon's hook for cache mounts",
    text: `Usage: cargo drydock nix install-hook [--dry-run] [--uninstall] [--prefix <DIR>] [--conf <FILE>] [--limits <FILE>]
       cargo drydock nix check-hook

      --dry-run             Only say what would be done, and print the script that does it
      --uninstall           Take the hook away again
      --prefix <DIR>        Programs go to <DIR>/lib/drydock [default: /usr/local]
      --conf <FILE>         nix.conf [default: /etc/nix/nix.conf, or the nix.custom.conf that it includes]
      --limits <FILE>       The administrator's limits [default: /etc/drydock/hook.conf]

install-hook compiles the hook's program, asks for root once (sudo), adds one line to nix.conf, restarts the daemon and
tries the hook with a real build. Calling it again changes nothing. What the hook may do: docs/security.md.
`,
  },
  doctor: {
    about: 'Check whether this machine has what a build needs, and say what to do where it does not',
    text: `Usage: cargo drydock doctor

One line for each thing looked at. Exit code 1 when something is missing that a build needs.
`,
  },
};

/** The help text of one command; of drydock itself without one; null for a command that does not exist. */
export function help(command?: string): string | null {
  if (command === undefined) return overview();
  const found = Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined;
  return found === undefined ? null : `${found.about}\n\n${found.text}`;
}

/** All commands, as `cargo --list` shows its own. */
export function commandList(): string {
  const rows = Object.entries(COMMANDS).sort(([left], [right]) => (left < right ? -1 : 1));
  return `Installed Commands:\n${rows.map(([name, { about }]) => `    ${name.padEnd(20)} ${about}\n`).join('')}`;
}

/** Names of all commands. */
export function commandNames(): readonly string[] {
  return Object.keys(COMMANDS);
}

function overview(): string {
  const rows = Object.entries(COMMANDS).map(([name, { about }]) => `  ${name.padEnd(16)}  ${about}`);
  return `cargo build, one sandboxed derivation per rustc unit, with rustc's incremental state

Usage: cargo drydock <COMMAND> [OPTIONS]
       drydock <COMMAND> [OPTIONS]

Commands:
${rows.join('\n')}
  help [COMMAND]    Print this, or what a command takes

Options:
  -V, --version     Print the version; with -v those of cargo and its libraries as well
      --list            List the commands
      --explain <CODE>  Explain an error of rustc
  -h, --help        Print help
`;
}
