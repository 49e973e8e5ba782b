/** The oracle on real workspaces: minutes each, so they are no part of `npm test`. */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { differences, differencesOfRuns } from '../oracle/compare.ts';
import { callerEnvironment, cargoCommands, drydockCommands, type Project } from '../oracle/project.ts';
import { planOf } from '../plan/support.ts';

const directory = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'drydock-slow-')));
afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));

/** Lays a workspace out with the scripts that do so for measurements; returns its directory. */
function laid(name: string, module: string, code: string): string {
  const root = path.join(directory, name);
  const url = new URL(module, import.meta.url).href;
  execFileSync(process.execPath, ['--input-type=module', '-e', `import * as lib from '${url}';\n${code}`, root], {
    stdio: 'inherit',
  });
  return root;
}

/** A published package as a workspace of its own. */
const published = (name: string, version: string, place = name): string =>
  laid(
    place,
    '../../scripts/crates.mjs',
    `const dir = process.argv[1]; const [crate] = lib.fetchCrates([['${name}', '${version}']], \`\${dir}.ask\`); lib.unpackCrate(crate, dir);`,
  );

/** A package of its own that depends on published ones. */
function using(name: string, manifest: string, files: Readonly<Record<string, string>>): string {
  const root = path.join(directory, name);
  const head = `[package]\nname = "${name}"\nversion = "0.1.0"\nedition = "2021"\n`;
  for (const [file, text] of Object.entries({ 'Cargo.toml': head + manifest, ...files })) {
    fs.mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    fs.writeFileSync(path.join(root, file), text);
  }
  return root;
}

const python = {
  'src/lib.rs': `use pyo3::prelude::*;
#[pyfunction]
fn twice(n: u64) -> u64 { 2 * n }
#[pymodule]
fn snake(m: &Bound<'_, PyModule>) -> PyResult<()> { m.add_function(wrap_pyfunction!(twice, m)?) }
`,
};
const protobuf = {
  'build.rs': `fn main() {
    let file = prost_types::FileDescriptorProto { name: Some("a.proto".into()), package: Some("a".into()), syntax: Some("proto3".into()),
      message_type: vec![prost_types::DescriptorProto { name: Some("Empty".into()), ..Default::default() }], ..Default::default() };
    prost_build::Config::new().compile_fds(prost_types::FileDescriptorSet { file: vec![file] }).unwrap();
}
`,
  'src/main.rs': 'include!(concat!(env!("OUT_DIR"), "/a.rs"));\nfn main() { println!("{:?}", Empty {}); }\n',
};

const workspaces: readonly (readonly [name: string, args: readonly string[], lay: () => string])[] = [
  ['ripgrep', [], () => published('ripgrep', '14.1.1')],
  [
    'ripgrep, all targets, optimised',
    ['--all-targets', '--release'],
    () => published('ripgrep', '14.1.1', 'ripgrep-all'),
  ],
  ['the fixture', ['--locked'], fixture],
  ['zstd: C, links, DEP_ variables', ['--release'], () => published('zstd', '0.13.3')],
  [
    'prost: code made by a build script, macros',
    [],
    () =>
      using(
        'proto',
        '[dependencies]\nprost = "0.13"\n[build-dependencies]\nprost-build = "0.13"\nprost-types = "0.13"\n',
        protobuf,
      ),
  ],
  [
    'pyo3: a cdylib with rlib, configuration through DEP_ variables, another program',
    [],
    () =>
      using(
        'snake',
        '[lib]\ncrate-type = ["cdylib", "rlib"]\n[dependencies]\npyo3 = { version = "0.25", features = ["extension-module"] }\n',
        python,
      ),
  ],
  ['rure: cdylib, staticlib and rlib at once', ['--release'], () => published('rure', '0.2.2')],
  [
    'openssl: a library of the system, found by pkg-config',
    [],
    () =>
      using('tls', '[dependencies]\nopenssl = "0.10"\nlibz-sys = "1"\n', {
        'src/main.rs': 'fn main() { println!("{}", openssl::version::version()); }\n',
      }),
  ],
  [
    'jemalloc: configure and make',
    [],
    () =>
      using('alloc', '[dependencies]\ntikv-jemallocator = "0.6"\n', {
        'src/main.rs':
          '#[global_allocator] static A: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;\nfn main() {}\n',
      }),
  ],
  [
    'ring and tokio: assembly, macros, many features',
    ['--target', 'x86_64-unknown-linux-gnu'],
    () =>
      using('net', '[dependencies]\nring = "0.17"\ntokio = { version = "1", features = ["full"] }\n', {
        'src/main.rs':
          '#[tokio::main]\nasync fn main() { println!("{:?}", ring::digest::digest(&ring::digest::SHA256, b"a")); }\n',
      }),
  ],
];

/** Its build script says which commit git knows: a sandbox shows no repository, so there is none for cargo either. */
function fixture(): string {
  const root = laid('fixture', '../../bench/fixture.mjs', 'lib.layFixture(process.argv[1]);');
  fs.rmSync(path.join(root, '.git'), { recursive: true });
  return root;
}

/** A sandbox shows no programs of a home (another Python, say): cargo is not to find them either, but for itself. */
function pathWithoutHome(): string {
  const directories = (process.env['PATH'] ?? '').split(':');
  const ofHome = (one: string) => one.startsWith(`${os.homedir()}/`) && !fs.existsSync(path.join(one, 'cargo'));
  return directories.filter((one) => !ofHome(one)).join(':');
}

test.each(workspaces)('plans and runs what cargo runs: %s', async (name, args, lay) => {
  const project: Project = { root: lay(), environment: { PATH: pathWithoutHome() }, remove: () => undefined };
  const cargo = cargoCommands(project, args);
  const { workspace, plan } = await planOf(project.root, ['build', '-vv', ...args], {
    ...callerEnvironment(),
    ...project.environment,
  });
  expect(differences(workspace, plan, cargo)).toEqual([]);
  const drydock = drydockCommands(project, args, path.join(directory, 'store', name));
  expect(differencesOfRuns(workspace, drydock, cargo)).toEqual([]);
});
