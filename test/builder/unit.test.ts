import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SourceInput } from '../../src/engine/types.ts';
import { type GoalSpec, type Lab, makeGoals, makeLab, treeSource } from '../engine/helpers.ts';
import { outPath, presentShells, readOutput, rustc, rustcArguments, unit, words } from './helpers.ts';

let lab: Lab;
beforeEach(async () => {
  lab = await makeLab();
});
afterEach(() => lab.close());

const script = `
fn main() {
    let out = std::env::var("OUT_DIR").unwrap();
    std::fs::write(format!("{out}/made.rs"), "pub const MADE: u32 = 42;").unwrap();
    std::fs::write("beside.txt", "written beside the sources").unwrap();
    println!("an ordinary line");
    println!("cargo:rustc-cfg=old_way");
    println!("  cargo::rustc-cfg=new_way=\\"it's\\"  ");
    println!("cargo::rustc-check-cfg=cfg(old_way, new_way, values(any()))");
    println!("cargo:rustc-env=GREETING=hello = 'world'");
    println!("cargo:rustc-env=RUSTC_BOOTSTRAP=1");
    println!("cargo:rustc-flags=-L /nowhere -l m -Lnative={out}/lib -lpthread");
    println!("cargo:rustc-link-search=native=/elsewhere");
    println!("cargo:rustc-link-lib=dylib=c");
    println!("cargo:rustc-link-arg=-Wl,--as-needed");
    println!("cargo::rustc-link-arg-bin=other=-Wl,--never");
    println!("cargo:some-key=some value");
    println!("cargo::metadata=root={out}");
    println!("cargo:rustc-link-lib");
    println!("cargo::nonsense");
    eprintln!("to stderr, {}", std::env::var("NUM_JOBS").unwrap());
}
`;
const lib = `
include!(concat!(env!("OUT_DIR"), "/made.rs"));
#[cfg(all(old_way, new_way = "it's"))]
pub const GREETING: &str = env!("GREETING");
pub fn package() -> &'static str { env!("CARGO_PKG_DESCRIPTION") }
`;
const main = `fn main() { println!("{} {} {}", two::MADE, two::GREETING, two::package()); }`;

function units(shell: readonly [string, ...string[]], source: SourceInput): Record<string, GoalSpec> {
  const description = 'it\'s "quoted"\n$HOME `x` \\ and *';
  const environment = words(['CARGO_PKG_NAME=two', `CARGO_PKG_DESCRIPTION=${description}`]);
  const goals: Record<string, GoalSpec> = {};
  const path = (key: string) => outPath(makeGoals(goals), key);
  goals['script'] = unit(shell, {
    source,
    env: {
      step: 'compile',
      program: rustc,
      environment,
      arguments: rustcArguments('build_script_build', 'bin', 'build.rs'),
    },
  });
  goals['run'] = unit(shell, {
    source,
    needs: { script: 'whole' },
    env: { step: 'run', program: `${path('script')}/build_script_build-0123456789abcdef`, environment },
  });
  const run = path('run');
  goals['lib'] = unit(shell, {
    source,
    needs: { run: 'whole' },
    early: 'libtwo-0123456789abcdef.rmeta',
    env: {
      step: 'compile',
      program: rustc,
      environment,
      arguments: rustcArguments('two', 'lib', 'src/lib.rs'),
      script: run,
      linkScripts: run,
      packageScripts: run,
      passLinkFlags: '1',
      linkKinds: words(['all']),
    },
  });
  goals['bin'] = unit(shell, {
    source,
    needs: { run: 'whole', lib: 'whole' },
    env: {
      step: 'compile',
      program: rustc,
      environment,
      dependencies: `${path('lib')}/libtwo-0123456789abcdef.rlib`,
      arguments: rustcArguments('main', 'bin', 'src/main.rs', [
        '--extern',
        'two=/build/deps/libtwo-0123456789abcdef.rlib',
      ]),
      script: run,
      linkScripts: run,
      packageScripts: run,
      linkKinds: words(['all', 'bins', 'bin=main']),
    },
  });
  return goals;
}

describe.each(presentShells)('with %s', (_name, shell) => {
  test('a package with a build script, a library and a program', { timeout: 120_000 }, async () => {
    const source = await treeSource(lab, 'two', { 'build.rs': script, 'src/lib.rs': lib, 'src/main.rs': main });
    const goals = makeGoals(units(shell, source));
    const build = await lab.build(goals);
    expect(
      build.outcomes.get('bin'),
      [...build.log('bin'), ...build.log('lib'), ...build.log('run')].join('\n'),
    ).toMatchObject({ status: 'built' });
    const program = `${lab.engine.hostPath(goals.get('bin')!.sealed.outPath)}/main-0123456789abcdef`;
    expect(execFileSync(program, { encoding: 'utf8' })).toBe(
      `42 hello = 'world' it's "quoted"\n$HOME \`x\` \\ and *\n`,
    );

    const out = `${outPath(goals, 'run')}/out`;
    const flag = (file: string) => readOutput(lab, goals, 'run', `flags/${file}`);
    expect(flag('cfg')).toBe(`old_way\nnew_way="it's"\n`);
    expect(flag('check-cfg')).toBe('cfg(old_way, new_way, values(any()))\n');
    expect(flag('env')).toBe(`GREETING=hello = 'world'\n`);
    expect(flag('search')).toBe(`/nowhere\nnative=${out}/lib\nnative=/elsewhere\n`);
    expect(flag('lib')).toBe('m\npthread\ndylib=c\n');
    expect(flag('link-arg')).toBe('all\t-Wl,--as-needed\nbin=other\t-Wl,--never\n');
    expect(flag('metadata')).toBe(`SOME_KEY=some value\nROOT=${out}\n`);
    expect(readOutput(lab, goals, 'run', 'stderr')).toBe('to stderr, 2\n');
    expect(readOutput(lab, goals, 'run', 'output')).toContain(`  cargo::rustc-cfg=new_way="it's"  \n`);
    expect(build.log('run')).toContain('@drydock stdout an ordinary line');

    const running = build.log('lib').find((line) => line.startsWith('@drydock running '));
    expect(running).toContain(
      ` -L 'native=${out}/lib' -L '/nowhere' -L 'native=/elsewhere' -l 'm' -l 'pthread' -l 'dylib=c'` +
        ` -C 'link-arg=-Wl,--as-needed' --cfg 'old_way' --cfg 'new_way="it'\\''s"' --check-cfg `,
    );
    expect(running).toContain(` OUT_DIR='${out}' 'GREETING=hello = '\\''world'\\''' -- `);
    expect(build.log('bin').find((line) => line.startsWith('@drydock running '))).not.toContain(' -l ');
  });
});
