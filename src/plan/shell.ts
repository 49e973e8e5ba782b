/**
 * What of the caller's shell reaches a unit because programs of the machine's Nix store read it (`nix-shell`, `nix
 * develop`): the programs themselves, their variables, and the store paths that the values of variables name.
 */
import * as path from 'node:path';
import { onPath } from '../cargo/programs.ts';
import { inputsOf, type NixTools, type StoreInput, storePathsIn } from './nix-tools.ts';
import { type Found, inCallersOrder } from './search-order.ts';
import type { Tools } from './types.ts';

type Caller = Readonly<Record<string, string>>;

/** One unit's part of the shell. */
export interface ShellPart {
  /** Names of the caller's variables. */
  readonly variables: readonly string[];
  /** Where `PATH` finds programs. */
  readonly directories: readonly string[];
  /** What lies in these directories and is no input of every unit. */
  readonly inputs: readonly StoreInput[];
  /** Directories of `LD_LIBRARY_PATH`. */
  readonly libraries: readonly string[];
}

export interface Shell {
  /** The caller's variables as a unit may have them. */
  readonly caller: Caller;
  /** There is something of a Nix store in it that a unit does not have by itself. */
  readonly hasMore: boolean;
  /** For units that call none of its programs but those of every unit. */
  readonly nothing: ShellPart;
  /** For what is linked by a compiler of the store. */
  readonly linking: ShellPart;
  /** For a build script that reads these variables and starts these programs. */
  calling(variables: readonly string[], programs: readonly string[]): ShellPart;
  /** All of it, for a unit that has failed without. */
  whole(): ShellPart;
  /** The store paths that these texts name. */
  inputs(texts: Iterable<string>): readonly StoreInput[];
}

/** What nixpkgs' wrappers of compilers and linkers read when they link, with and without a platform's suffix. */
const linkVariables =
  /^NIX_(?:LDFLAGS|CFLAGS_LINK|CXXSTDLIB_LINK|DYNAMIC_LINKER|IGNORE_LD_THROUGH_GCC|HARDENING_ENABLE|SET_BUILD_ID|BUILD_ID_STYLE|DONT_SET_RPATH|CC_WRAPPER_TARGET|BINTOOLS_WRAPPER_TARGET)(?:_|$)/;
/** The same when they compile C; and what `cc` is called in such a shell. */
const compileVariables =
  /^(?:NIX_(?:CFLAGS|CXXSTDLIB|ENFORCE_NO_NATIVE|FFLAGS|GNATFLAGS)(?:_|$)|(?:CC|CXX|AR|RANLIB|CFLAGS|CXXFLAGS)$)/;
/** A script that reads one of these compiles C. */
const ofCompilers = /^(?:HOST_|TARGET_)?(?:CC|CXX|AR|CFLAGS|CXXFLAGS)(?:_|$)/;
const compilers = ['cc', 'c++', 'gcc', 'g++', 'clang', 'clang++'];

/** `tools`: what every unit has. */
export function openShell(environment: Caller, tools: Tools, nix: NixTools): Shell {
  const caller = withoutOwnOutput(environment);
  const names = Object.keys(caller).filter((name) => /^[A-Za-z_]\w*$/.test(name));
  const matching = (pattern: RegExp): string[] => names.filter((name) => pattern.test(name));
  const compiles = tools.found.some(({ file }) => compilers.includes(path.basename(file)));
  const partOf = (variables: readonly string[], programs: readonly Found[]): ShellPart => ({
    variables,
    directories: programs.length === 0 ? tools.directories : inCallersOrder([...tools.found, ...programs], environment),
    inputs: inputsOf(programs.map(({ tool }) => tool)),
    libraries: [],
  });
  const nothing = partOf([], []);
  const linkers = compiles ? matching(linkVariables) : [];
  const compiling = compiles ? [...linkers, ...matching(compileVariables)] : [];
  const known = new Map<string, Found | null>();
  const program = (name: string): Found | null => {
    let found = known.get(name);
    if (found === undefined) {
      const file = onPath(name, environment);
      const tool = file === null ? null : nix.find(file);
      found = file === null || tool === null ? null : { file, tool };
      known.set(name, found);
    }
    return found;
  };
  const directoriesIn = (variable: string): Found[] =>
    (environment[variable] ?? '').split(path.delimiter).flatMap((directory) => {
      if (directory === '') return [];
      const file = path.join(directory, 'any');
      const tool = nix.find(file);
      return tool === null ? [] : [{ file, tool }];
    });
  // What is longer than a line is a phase of the shell's own derivation.
  const named = (name: string): boolean => {
    const value = caller[name] ?? '';
    return !value.includes('\n') && storePathsIn(value).length > 0;
  };
  return {
    caller,
    hasMore: names.some((name) => named(name) || compiling.includes(name)),
    nothing,
    linking: linkers.length === 0 ? nothing : partOf(linkers, []),
    calling(variables, programs) {
      const found: Found[] = [];
      const more: string[] = [];
      const call = (name: string, family: string): void => {
        const tool = program(name);
        if (tool === null) return;
        found.push(tool);
        more.push(...names.filter((each) => each.replace(/^NIX(?:PKGS)?_/, '').startsWith(`${family}_`)), family);
      };
      for (const name of variables) call(programNamedBy(name, caller), name);
      for (const name of programs) call(name, name.toUpperCase().replaceAll(/\W/g, '_'));
      const compilesC =
        variables.some((name) => ofCompilers.test(name)) || programs.some((name) => compilers.includes(name));
      if (compilesC) more.push(...compiling);
      return found.length + more.length === 0 ? nothing : partOf(more, found);
    },
    whole() {
      const part = partOf([...compiling, ...names.filter(named)], directoriesIn('PATH'));
      const libraries = directoriesIn('LD_LIBRARY_PATH');
      return {
        ...part,
        inputs: [...part.inputs, ...inputsOf(libraries.map(({ tool }) => tool))],
        libraries: libraries.map(({ tool }) => path.dirname(tool.file)),
      };
    },
    inputs: (texts) => {
      const found = [...texts].flatMap((text) => nix.named(text));
      return [...new Map(found.map((input) => [input.path, input])).values()];
    },
  };
}

/** `PKG_CONFIG=pkg-config`, or without a value: a variable by which a program can be named mostly has its name. */
function programNamedBy(variable: string, caller: Caller): string {
  const value = caller[variable];
  return value !== undefined && /^[\w.+-]+$/.test(value) ? value : variable.toLowerCase().replaceAll('_', '-');
}

/** Ten characters of that output's hash: nixpkgs' way to tell compilers apart what two derivations compile. */
const ownSeed = /^-frandom-seed=[0-9a-df-np-sv-z]{10}$/;

/**
 * A shell is set up as if its own derivation were built: words of its flags name that one's output, which nobody builds,
 * and which is another one after every change of the shell (`nix-shell`) or in every checkout (`nix develop`).
 */
function withoutOwnOutput(environment: Caller): Caller {
  const own = environment['out'] ?? '';
  const caller: Record<string, string> = { ...environment };
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith('NIX_') || !(linkVariables.test(name) || compileVariables.test(name))) continue;
    const words = value.split(/\s+/).filter((word) => word !== '' && !ownSeed.test(word));
    caller[name] = words
      .filter((word, index) => !isOwnRpath(word, words[index + 1], own) && !isOwnRpath(words[index - 1], word, own))
      .join(' ');
  }
  return caller;
}

function isOwnRpath(option: string | undefined, directory: string | undefined, own: string): boolean {
  return own !== '' && option === '-rpath' && directory?.startsWith(`${own}/`) === true;
}

/**
 * What scripts read through crates that they are made of, mostly without a word of it (`rerun-if-env-changed`): by package.
 */
const readByCrates: Readonly<Record<string, readonly string[]>> = {
  bindgen: ['BINDGEN_EXTRA_CLANG_ARGS'],
  cc: ['CC'],
  'clang-sys': ['LIBCLANG_PATH', 'LIBCLANG_STATIC_PATH', 'LLVM_CONFIG_PATH', 'CLANG_PATH'],
  cmake: ['CMAKE', 'CC'],
  'pkg-config': ['PKG_CONFIG'],
  'prost-build': ['PROTOC', 'PROTOC_INCLUDE'],
};

/** Variables that a script reads through these packages. */
export function readThrough(packages: Iterable<string>): readonly string[] {
  return [
    ...new Set([...packages].flatMap((name) => (Object.hasOwn(readByCrates, name) ? (readByCrates[name] ?? []) : []))),
  ];
}
