/** The files that a unit produces and their names, as cargo computes them (`build_runner/compilation_files.rs`). */
import type { Package, Toolchain, Unit } from '../cargo/types.ts';
import {
  crateName,
  isBuildScript,
  isCheck,
  isExecutable,
  isSharedLibrary,
  isTest,
  kindOf,
  needsObjects,
} from './target.ts';
import type { UnitFile, UnitId } from './types.ts';

/**
 * Whether the identity is part of a unit's file names. Shared libraries of path packages keep their plain name: it is
 * encoded in what links them.
 */
export function usesExtraFilename(unit: Unit, pkg: Package, host: string): boolean {
  if (unit.mode === 'doc' || unit.mode === 'doctest') return false;
  if (isTest(unit) || isCheck(unit)) return true;
  const { target } = unit;
  const triple = unit.platform ?? host;
  const plain =
    isSharedLibrary(target, 'dylib') ||
    isSharedLibrary(target, 'cdylib') ||
    (isExecutable(target) && (triple === 'wasm32-unknown-emscripten' || triple.includes('msvc')));
  return !(plain && pkg.source.kind === 'path');
}

/**
 * A unit's files. `root`: it was asked for, which decides what is uplifted; null: nothing is. The debug-info file of an
 * executable or shared library is named although most builds do not write it.
 */
export function unitFiles(
  unit: Unit,
  pkg: Package,
  id: UnitId,
  root: boolean | null,
  toolchain: Toolchain,
): readonly UnitFile[] {
  const { target } = unit;
  const extra = usesExtraFilename(unit, pkg, toolchain.host) ? `-${id}` : '';
  const crate = crateName(target);
  const metadata: UnitFile = { name: `lib${crate}${extra}.rmeta`, plainName: null, flavor: 'rmeta' };
  if (isCheck(unit)) return [metadata];
  if (unit.mode !== 'build' && unit.mode !== 'test') return [];

  const files: UnitFile[] = [];
  for (const type of unit.mode === 'test' ? ['bin'] : target.crate_types) {
    const form = toolchain.fileName(unit.platform, type === 'lib' ? 'rlib' : type);
    if (form === null) continue;
    const own = isBuildScript(target);
    const uplifted = unit.mode === 'build' && (own || (root !== null && (root || alwaysUplifted(unit, type))));
    const plain = `${form.prefix}${type === 'bin' ? target.name : crate}${form.suffix}`;
    const name = `${form.prefix}${crate}${extra}${form.suffix}`;
    const linkable = unit.mode === 'build' && ['lib', 'rlib', 'dylib', 'proc-macro'].includes(type);
    files.push({ name, plainName: uplifted ? plain : null, flavor: linkable ? 'linkable' : 'normal' });
    if (['bin', 'dylib', 'cdylib', 'proc-macro'].includes(type)) {
      files.push({ name: `${name}.dwp`, plainName: uplifted ? `${plain}.dwp` : null, flavor: 'debug-info' });
    }
  }
  if (unit.mode === 'build' && !needsObjects(unit)) files.push(metadata);
  return files;
}

/** Name of a compilation's dep-info file in its output. */
export function depInfoName(unit: Unit, pkg: Package, id: UnitId, host: string): string {
  return `${crateName(unit.target)}${usesExtraFilename(unit, pkg, host) ? `-${id}` : ''}.d`;
}

function alwaysUplifted(unit: Unit, crateType: string): boolean {
  return kindOf(unit.target) === 'bin' || crateType === 'dylib';
}
