import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SourceInput } from '../../src/engine/types.ts';
import { fixedOutputPath } from '../../src/nix/store-path.ts';
import type { Sha256, StorePath } from '../../src/nix/types.ts';
import { type GoalSpec, type Lab, makeGoals, makeLab, treeSource } from '../engine/helpers.ts';
import { outPath, readOutput, rustc, rustcArguments, shells, unit, words } from './helpers.ts';

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
  const pathOf = (key: string) => outPath(makeGoals(goals), key);
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
    env: { step: 'run', program: `${pathOf('script')}/build_script_build-0123456789abcdef`, environment },
  });
  const run = pathOf('run');
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
      dependencies: `${pathOf('lib')}/libtwo-0123456789abcdef.rlib`,
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

describe.each(shells)('with %s', (_name, shell) => {
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

  test('metadata of linked packages, archives, many dependencies, and libraries of build scripts', async () => {
    const packed = path.join(lab.directory, 'dep-1.0.0');
    mkdirSync(packed);
    writeFileSync(path.join(packed, 'show.sh'), 'env; ls -l /build/deps | wc -l; pwd; ls; : > written\n');
    const archive = path.join(lab.directory, 'dep-1.0.0.crate');
    execFileSync('tar', ['-czf', archive, '-C', lab.directory, 'dep-1.0.0']);
    const sha256 = createHash('sha256').update(readFileSync(archive)).digest('hex') as Sha256;
    const crate = {
      kind: 'file',
      path: fixedOutputPath({ name: 'dep-1.0.0.crate', method: 'flat', sha256 }),
      from: archive,
      sha256,
    } as const;
    const source = await treeSource(lab, 'first', {
      'say.sh':
        '#!/bin/sh\necho cargo:some-key=a value\necho cargo::metadata=include=$OUT_DIR/include\necho cargo:rustc-link-search=native=$OUT_DIR\necho cargo:rustc-link-search=/usr/lib\n',
    });
    const say = `${source.path}/say.sh`;
    const goals: Record<string, GoalSpec> = { first: unit(shell, { source, env: { step: 'run', program: say } }) };
    const first = outPath(makeGoals(goals), 'first');
    const many = Array.from(
      { length: 3000 },
      (_, number) => `${first}/flags/${number}-0123456789abcdef0123456789abcdef.rlib`,
    ).join(' ');
    goals['second'] = unit(shell, {
      source: crate,
      needs: { first: 'whole' },
      env: {
        step: 'run',
        sourceForm: 'archive',
        place: '/build/registry/dep-1.0.0',
        directory: '/build/registry/dep-1.0.0',
        program: '/bin/sh',
        arguments: words(['show.sh']),
        environment: words(['LD_LIBRARY_PATH=/toolchain/lib', 'NAME=value']),
        metadataFrom: words([`DEP_FIRST=${first}`]),
        libraryPath: first,
        dependencies: many,
        passAsFile: 'dependencies',
      },
    });
    const plan = makeGoals(goals);
    const build = await lab.build(plan);
    expect(build.outcomes.get('second'), build.log('second').join('\n')).toMatchObject({ status: 'built' });
    const shown = readOutput(lab, plan, 'second', 'output').split('\n');
    expect(
      shown
        .filter((line) => !/^(?:PWD|OLDPWD|SHLVL|_)=/.test(line))
        .toSorted()
        .join('\n')
        .trim(),
    ).toBe(
      [
        '/build/registry/dep-1.0.0',
        '3001',
        'CARGO_MAKEFLAGS=-j --jobserver-fds=8,9 --jobserver-auth=8,9',
        `DEP_FIRST_INCLUDE=${first}/out/include`,
        'DEP_FIRST_SOME_KEY=a value',
        'GIT_DISCOVERY_ACROSS_FILESYSTEM=1',
        'HOME=/homeless-shelter',
        `LD_LIBRARY_PATH=/build/deps:/toolchain/lib:${first}/out`,
        'NAME=value',
        'NIX_BUILD_CORES=2',
        'NIX_BUILD_TOP=/build',
        'NIX_STORE=/nix/store',
        'NUM_JOBS=2',
        `OUT_DIR=${outPath(plan, 'second')}/out`,
        'PATH=/usr/bin:/bin',
        'TEMP=/build',
        'TEMPDIR=/build',
        'TMP=/build',
        'TMPDIR=/build',
        'show.sh',
      ].join('\n'),
    );
  });

  test('what linkers are told of among the sources is kept in the output, and nothing else is', async () => {
    const lines = [
      'rustc-link-search=native=$1/lib dir',
      'rustc-link-search=$1/sub/../lib dir/',
      'rustc-flags=-L lib -Lall=$1/none -l one',
      'rustc-link-search=native=lib',
      'rustc-link-search=../path',
      'rustc-link-search=/usr/lib',
      'rustc-link-search=$1/../../build',
      'rustc-link-search=$OUT_DIR/lib',
      'rustc-link-arg=-Wl,-T,$1/sub/a.x,-L/usr/lib',
      'rustc-link-arg-bin=main=$1/sub/../top.o',
      'rustc-link-arg=-L$1',
      'rustc-link-arg=-Wl,-rpath,$1/lib',
      'rustc-link-arg=$1/lib',
      'rustc-link-arg=/elsewhere$1/top.o',
    ];
    const source = await treeSource(lab, 'linked', {
      'p/say.sh': `#!/bin/sh\n${lines.map((line) => `printf '%s\\n' "cargo:${line}"\n`).join('')}`,
      'p/lib dir/a b.a': 'spaces',
      'p/lib dir/deeper/b.a': 'no linker looks here',
      'p/lib dir/.hidden.a': '',
      'p/lib/libone.a': 'one',
      'p/sub/a.x': 'script',
      'p/top.o': 'object',
    });
    const run = (real: string) =>
      unit(shell, {
        source,
        views: [{ source: source.path, target: '/checkouts/one' }],
        env: {
          step: 'run',
          place: '/build/path/linked-1.0.0',
          directory: '/build/path/linked-1.0.0/p',
          program: '/bin/sh',
          arguments: words([`${source.path}/p/say.sh`, real]),
          environment: words([`CARGO_MANIFEST_DIR=${real}`]),
        },
      });
    const plan = makeGoals({ dev: run('/checkouts/one/p'), pure: run('/build/path/linked-1.0.0/p') });
    const build = await lab.build(plan);
    for (const [key, real] of [
      ['dev', '/checkouts/one/p'],
      ['pure', '/build/path/linked-1.0.0/p'],
    ] as const) {
      expect(build.outcomes.get(key), build.log(key).join('\n')).toMatchObject({ status: 'built' });
      const out = outPath(plan, key);
      const kept = `${out}/sources/p`;
      expect(readOutput(lab, plan, key, 'flags/search').trimEnd().split('\n')).toEqual([
        `native=${kept}/lib dir`,
        `${kept}/lib dir`,
        `${out}/relative/lib`,
        `all=${real}/none`,
        `native=${out}/relative/lib`,
        '../path',
        '/usr/lib',
        `${real}/../../build`,
        `${out}/out/lib`,
      ]);
      expect(readOutput(lab, plan, key, 'flags/link-arg').trimEnd().split('\n')).toEqual([
        `all\t-Wl,-T,${kept}/sub/a.x,-L/usr/lib`,
        `bin=main\t${kept}/top.o`,
        `all\t-L${kept}`,
        `all\t-Wl,-rpath,${real}/lib`,
        `all\t${real}/lib`,
        `all\t/elsewhere${real}/top.o`,
      ]);
      const host = lab.engine.hostPath(out as StorePath);
      const list = execFileSync('find', ['sources', 'relative', '-type', 'f'], { cwd: host, encoding: 'utf8' });
      expect(list.trimEnd().split('\n').toSorted()).toEqual([
        'relative/lib/libone.a',
        'sources/p/lib dir/.hidden.a',
        'sources/p/lib dir/a b.a',
        'sources/p/say.sh',
        'sources/p/sub/a.x',
        'sources/p/top.o',
      ]);
    }
  });

  test('the exit code of a build script is the builder’s; what it printed is kept', async () => {
    const source = await treeSource(lab, 'bad', { 'bad.sh': '#!/bin/sh\necho out; echo err >&2; exit 42\n' });
    const plan = makeGoals({ bad: unit(shell, { source, env: { step: 'run', program: `${source.path}/bad.sh` } }) });
    let seen: readonly string[] = [];
    const build = await lab.build(plan, {
      inspect: (_goal, exit) => {
        seen = [readFileSync(`${exit.outDir}/output`, 'utf8'), readFileSync(`${exit.outDir}/stderr`, 'utf8')];
        return Promise.resolve('accept');
      },
    });
    expect(build.outcomes.get('bad')).toEqual({ status: 'failed', reason: { kind: 'exit', code: 42 } });
    expect(seen).toEqual(['out\n', 'err\n']);
    expect(build.log('bad')).toEqual(expect.arrayContaining(['err', '@drydock stdout out']));
  });

  test('a unit that cannot be set up ends with 98', async () => {
    const source = await treeSource(lab, 'none', { file: 'x' });
    const plan = makeGoals({
      bad: unit(shell, {
        source,
        env: { step: 'compile', program: '/bin/true', arguments: '', directory: '/build/ws/missing' },
      }),
    });
    const build = await lab.build(plan);
    expect(build.outcomes.get('bad')).toEqual({ status: 'failed', reason: { kind: 'exit', code: 98 } });
  });

  test.runIf(existsSync('/usr/bin/make'))('make in a build script takes its jobs from the build’s tokens', async () => {
    const rules = ['a', 'b', 'c', 'd'].map((name) => `${name}:\n\t@sleep 0.2; echo ${name}\n`).join('');
    const source = await treeSource(lab, 'making', { Makefile: `all: a b c d\n${rules}` });
    const plan = makeGoals({
      making: unit(shell, {
        source,
        env: { step: 'run', program: '/bin/sh', arguments: words(['-c', 'MAKEFLAGS="$CARGO_MAKEFLAGS" make']) },
      }),
    });
    const build = await lab.build(plan, { jobs: 2 });
    expect(build.outcomes.get('making'), build.log('making').join('\n')).toMatchObject({ status: 'built' });
    expect(readOutput(lab, plan, 'making', 'stderr')).toBe('');
    expect(readOutput(lab, plan, 'making', 'output').trim().split('\n').toSorted()).toEqual(['a', 'b', 'c', 'd']);
  });
});
