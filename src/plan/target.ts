/** What a unit's target and mode imply, by cargo's rules (`core/manifest.rs`, `core/compiler/unit.rs`). */
import type { Target, Unit } from '../cargo/types.ts';

const otherKinds = new Set(['bin', 'test', 'bench', 'example', 'custom-build']);
const linkableTypes = new Set(['lib', 'rlib', 'dylib', 'proc-macro']);

/** A target's name as rustc takes it for a crate. */
export function crateName(target: Target): string {
  return target.name.replaceAll('-', '_');
}

export function kindOf(target: Target): string {
  return target.kind[0] ?? 'bin';
}

/** A library of any crate type, procedural macros included. */
export function isLibrary(target: Target): boolean {
  return !otherKinds.has(kindOf(target));
}

export function isProcMacro(target: Target): boolean {
  return kindOf(target) === 'proc-macro';
}

export function isBuildScript(target: Target): boolean {
  return kindOf(target) === 'custom-build';
}

/** Targets that always run on the host, whatever they are compiled for. */
export function isForHost(target: Target): boolean {
  return isProcMacro(target) || isBuildScript(target);
}

export function isExecutableExample(target: Target): boolean {
  return kindOf(target) === 'example' && target.crate_types.every((type) => type === 'bin');
}

/** A binary or an executable example: what has `CARGO_BIN_NAME`. */
export function isExecutable(target: Target): boolean {
  return kindOf(target) === 'bin' || isExecutableExample(target);
}

/** A library that another Rust crate can link to. */
export function isLinkable(target: Target): boolean {
  return isLibrary(target) && target.crate_types.some((type) => linkableTypes.has(type));
}

export function isSharedLibrary(target: Target, type: 'dylib' | 'cdylib'): boolean {
  return isLibrary(target) && target.crate_types.includes(type);
}

export function isRun(unit: Unit): boolean {
  return unit.mode === 'run-custom-build';
}

/** Compiled as a test: with the harness or `cfg(test)`. */
export function isTest(unit: Unit): boolean {
  return unit.mode === 'test' || unit.mode === 'check-test';
}

/** Only metadata is made of it. */
export function isCheck(unit: Unit): boolean {
  return unit.mode === 'check' || unit.mode === 'check-test';
}

/** The whole outputs of its dependencies must be there; otherwise their metadata is enough. */
export function needsObjects(unit: Unit): boolean {
  if (isTest(unit) || unit.mode === 'doctest') return true;
  const { target } = unit;
  const library = isLibrary(target) || (kindOf(target) === 'example' && !isExecutableExample(target));
  return !library || target.crate_types.some((type) => type !== 'lib' && type !== 'rlib');
}

/** `parent` reads only the metadata of `dependency`, so it may start before that one's code is generated. */
export function needsOnlyMetadata(parent: Unit, dependency: Unit): boolean {
  return parent.mode === 'build' && dependency.mode === 'build' && !needsObjects(parent) && !needsObjects(dependency);
}

/** rustc runs the linker for it. */
export function callsLinker(unit: Unit): boolean {
  if (unit.mode === 'test') return true;
  if (unit.mode !== 'build') return false;
  return unit.target.crate_types.some((type) => !['lib', 'rlib', 'staticlib'].includes(type));
}
