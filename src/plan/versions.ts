/** Cargo's order of packages: by name, version (semver 2.0.0, paragraph 11), then source. */
import type { Package } from '../cargo/types.ts';

export function comparePackages(a: Package, b: Package): number {
  return compareText(a.name, b.name) || compareVersions(a.version, b.version) || compareText(a.id, b.id);
}

/** Precedence of two versions; build metadata, which has none, decides last so that the order is total. */
export function compareVersions(a: string, b: string): number {
  const left = parse(a);
  const right = parse(b);
  for (let i = 0; i < 3; i++) {
    const difference = (left.numbers[i] ?? 0) - (right.numbers[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return comparePrerelease(left.pre, right.pre) || compareText(left.build, right.build);
}

export interface VersionParts {
  readonly numbers: readonly number[];
  readonly pre: string;
  readonly build: string;
}

export function parse(version: string): VersionParts {
  const [withoutBuild = '', build = ''] = splitOnce(version, '+');
  const [core = '', pre = ''] = splitOnce(withoutBuild, '-');
  return { numbers: core.split('.').map(Number), pre, build };
}

function comparePrerelease(a: string, b: string): number {
  if (a === b) return 0;
  if (a === '') return 1;
  if (b === '') return -1;
  const left = a.split('.');
  const right = b.split('.');
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const order = compareIdentifier(left[i] ?? '', right[i] ?? '');
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

function compareIdentifier(a: string, b: string): number {
  const numeric = /^\d+$/;
  if (numeric.test(a) && numeric.test(b)) return Number(a) - Number(b);
  if (numeric.test(a)) return -1;
  if (numeric.test(b)) return 1;
  return compareText(a, b);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function splitOnce(text: string, mark: string): readonly string[] {
  const at = text.indexOf(mark);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + mark.length)];
}
