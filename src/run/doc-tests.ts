/** Tests in documentation: `rustdoc --test`, as cargo calls it (`cargo_test.rs`). */
import * as path from 'node:path';
import { nameOfRustdoc } from '../cargo/rustdoc.ts';
import { programArguments } from '../cargo/invocation.ts';
import { crateName } from '../plan/target.ts';
import type { DocTest } from '../plan/types.ts';
import { type Built, nativeDirectories, ownScripts, scriptOutput } from './built.ts';
import { type Call, programOf, shownCommand } from './command.ts';
import { rustdocEnvironment } from './environment.ts';
import { catchesOutput, packageChoice } from './rerun.ts';
import type { Program } from './types.ts';

/** One program per library. */
export function docTestPrograms(built: Built): readonly Program[] {
  return built.plan.docTests.map((docTest) => programFor(built, docTest));
}

function programFor(built: Built, docTest: DocTest): Program {
  const { workspace, options } = built;
  const { unit, package: pkg } = docTest;
  const scripts = ownScripts(built, docTest);
  const environment = rustdocEnvironment(built, { package: pkg, platform: unit.platform, scripts });
  environment.set('CARGO_CRATE_NAME', crateName(unit.target));
  const call: Call = {
    file: nameOfRustdoc(workspace),
    ...rustdocCall(built, docTest),
    environment,
  };
  const shown = shownCommand(call, options.verbosity);
  const title = ['Doc-tests', unit.target.name] as const;
  return programOf(workspace, call, {
    lines: options.verbosity > 0 ? [title, ['Running', shown]] : [title],
    shown,
    failing: {
      what: 'doctest',
      rerun: `${packageChoice(built, pkg.name)}--doc`,
      caught: catchesOutput(programArguments(workspace.invocation)),
    },
  });
}

/** Arguments and directory: a source below the workspace's root is named from there. */
function rustdocCall(built: Built, docTest: DocTest): Pick<Call, 'args' | 'cwd'> {
  const { workspace, options } = built;
  const { unit, package: pkg } = docTest;
  const { target, profile, platform } = unit;
  const { config, invocation, root } = workspace;
  const below = pkg.source.kind === 'path' && target.src_path.startsWith(`${root}/`);
  const [runner, ...words] = config.runner(platform) ?? [];
  const linker = config.linker(platform);
  return {
    cwd: below ? root : pkg.root,
    args: [
      `--edition=${target.edition}`,
      ...target.crate_types.flatMap((type) => ['--crate-type', type]),
      '--color',
      options.color,
      '--crate-name',
      crateName(target),
      '--test',
      below ? path.relative(root, target.src_path) : target.src_path,
      '--test-run-directory',
      pkg.root,
      ...(platform === null ? [] : ['--target', platform]),
      ...(runner === undefined ? [] : ['--test-runtool', runner]),
      ...words.flatMap((word) => ['--test-runtool-arg', word]),
      ...(linker === null ? [] : ['-C', `linker=${linker}`]),
      ...(profile.panic === 'unwind' ? [] : ['-C', `panic=${profile.panic}`]),
      ...nativeDirectories(built).flatMap((directory) => ['-L', directory]),
      ...programArguments(invocation).flatMap((word) => ['--test-args', word]),
      ...(options.quiet ? ['--test-args', '--quiet'] : []),
      ...pkg.lintFlags,
      ...docTest.arguments,
      ...scriptArguments(built, docTest),
      ...config.rustdocflags(platform),
      '--error-format',
      options.format.kind,
    ],
  };
}

function scriptArguments(built: Built, docTest: DocTest): readonly string[] {
  return ownScripts(built, docTest).flatMap((run) => {
    const output = scriptOutput(built, run);
    const links = output?.linkArgs.filter(({ kind }) => kind === 'all') ?? [];
    return [
      ...(output?.cfgs ?? []).flatMap((cfg) => ['--cfg', cfg]),
      ...(output?.checkCfgs ?? []).flatMap((cfg) => ['--check-cfg', cfg]),
      ...links.flatMap(({ argument }) => ['-C', `link-arg=${argument}`]),
    ];
  });
}
