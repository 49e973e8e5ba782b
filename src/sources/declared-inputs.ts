/** `[package.metadata.drydock] inputs = ["migrations/**"]`: files that a procedural macro or a build script reads. */
import * as path from 'node:path';
import type { Package } from '../cargo/types.ts';
import { UserError } from '../sys/errors.ts';
import type { FileCache } from './file-cache.ts';
import { allFiles } from './walk.ts';

/** The globs that the manifest declares; null: none are. Throws D0401 for anything but a list of relative globs. */
export function declaredInputs(pkg: Package): readonly string[] | null {
  const inputs = field(field(pkg.metadata, 'drydock'), 'inputs');
  if (inputs === undefined) return null;
  const valid = (input: unknown): input is string =>
    typeof input === 'string' && input !== '' && !input.startsWith('/');
  if (Array.isArray(inputs) && inputs.every(valid)) return inputs;
  throw new UserError(
    'D0401',
    `\`package.metadata.drydock.inputs\` of \`${pkg.name} ${pkg.version}\` is not a list of relative paths`,
    `write it in ${pkg.manifestPath} as a list:  inputs = ["migrations/**"]`,
  );
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}

/**
 * Absolute files that a glob names, relative to the package's root (`../` leads out of it). `*` and `?` stay within a
 * name, `**` crosses directories, `{a,b}` and `[…]` as in a shell; a directory stands for all below it. Git's rules do not matter.
 */
export function filesOfGlob(glob: string, packageRoot: string, workspaceRoot: string, cache: FileCache): string[] {
  const parts = path.posix.normalize(glob).replace(/\/$/, '').split('/');
  const magic = parts.findIndex((part) => /[*?[{]/.test(part));
  const fixed = magic < 0 ? parts : parts.slice(0, magic);
  const start = path.resolve(packageRoot, ...fixed);
  if (magic < 0 && cache.isFile(start)) return [start];
  const files = allFiles(start, workspaceRoot, cache);
  if (magic < 0) return files;
  const pattern = globPattern(parts.slice(magic).join('/'));
  return files.filter((file) => pattern.test(path.relative(start, file)));
}

function globPattern(glob: string): RegExp {
  let source = '';
  let braces = 0;
  for (let at = 0; at < glob.length; at++) {
    const character = glob.charAt(at);
    const bracket = character === '[' ? /^\[([!^]?)([^\]/]+)\]/.exec(glob.slice(at)) : null;
    if (glob.startsWith('**/', at)) {
      source += '(?:.*/)?';
      at += 2;
    } else if (glob.startsWith('**', at)) {
      source += '.*';
      at += 1;
    } else if (bracket !== null) {
      source += `[${bracket[1] === '' ? '' : '^'}${(bracket[2] ?? '').replaceAll(/[\\^]/g, String.raw`\$&`)}]`;
      at += bracket[0].length - 1;
    } else if (character === '*') source += '[^/]*';
    else if (character === '?') source += '[^/]';
    else if (character === '{') {
      braces++;
      source += '(?:';
    } else if (character === '}' && braces > 0) {
      braces--;
      source += ')';
    } else if (character === ',' && braces > 0) source += '|';
    else source += character.replace(/[\\^$.*+?()[\]{}|]/, String.raw`\$&`);
  }
  return new RegExp(`^${source}${')'.repeat(braces)}(?:/.*)?$`, 'u');
}
