/** Reports on code that a future Rust will refuse, kept where `cargo report future-incompatibilities` reads them. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describePackage } from '../cargo/describe.ts';
import type { PlannedUnit } from '../plan/types.ts';
import { replaceFile } from '../sys/durable.ts';
import type { Diagnostic } from './diagnostic.ts';
import type { Shell } from './shell.ts';

const fileName = '.future-incompat-report.json';
const formatVersion = 0;
const maxReports = 5;

interface SavedReport {
  readonly id: number;
  readonly suggestion_message: string;
  readonly per_package: Readonly<Record<string, string>>;
}

interface Saved {
  readonly version: number;
  readonly next_id: number;
  readonly reports: readonly SavedReport[];
}

export interface FutureIncompat {
  readonly unit: PlannedUnit;
  readonly items: readonly Diagnostic[];
}

/** Saves the reports of a build below `buildDir` and prints the note about them. `asked`: by a flag, so in detail. */
export function reportFutureIncompat(
  found: readonly FutureIncompat[],
  buildDir: string,
  shell: Shell,
  options: { readonly asked: boolean; readonly note: boolean },
): void {
  if (found.length === 0) {
    if (options.asked) shell.note('0 dependencies had future-incompatible warnings');
    return;
  }
  const suggestions = (id: number) => suggestionsFor(found, id);
  const id = save(path.join(buildDir, fileName), perPackage(found), suggestions);
  if (!options.asked && !options.note) return;
  const names = [...new Set(found.map(({ unit }) => describePackage(unit.package)))].sort();
  shell.warn(
    `the following packages contain code that will be rejected by a future version of Rust: ${names.join(', ')}`,
  );
  const command = `cargo report future-incompatibilities --id ${id}`;
  if (options.asked) {
    for (const suggestion of suggestions(id)) shell.help(suggestion);
    shell.note(`this report can be shown with \`${command}\``);
  } else {
    shell.note(`to see what the problems were, use the option \`--future-incompat-report\`, or run \`${command}\``);
  }
}

function perPackage(found: readonly FutureIncompat[]): Record<string, string> {
  const reports = new Map<string, string>();
  for (const { unit, items } of found) {
    const spec = specOf(unit);
    const head = `The package \`${describePackage(unit.package)}\` currently triggers the following future incompatibility lints:\n`;
    const lines = items.flatMap(({ rendered }) => (rendered ?? '').replace(/\n$/, '').split('\n'));
    reports.set(spec, `${reports.get(spec) ?? ''}${head}${lines.map((line) => `> ${line}\n`).join('')}`);
  }
  return Object.fromEntries([...reports].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function save(file: string, reports: Record<string, string>, suggestions: (id: number) => string[]): number {
  const saved = read(file);
  const wanted = JSON.stringify(reports);
  const same = saved.reports.find((report) => JSON.stringify(report.per_package) === wanted);
  if (same !== undefined) return same.id;
  const id = saved.next_id;
  const list = suggestions(id);
  const message =
    list.length === 0
      ? ''
      : `to solve this problem, you can try the following approaches:\n${list.map((text) => `\n- ${text}\n`).join('')}`;
  const all = [...saved.reports, { id, suggestion_message: message, per_package: reports }].slice(-maxReports);
  replaceFile(file, JSON.stringify({ version: formatVersion, next_id: id + 1, reports: all }));
  return id;
}

function read(file: string): Saved {
  try {
    const saved = JSON.parse(fs.readFileSync(file, 'utf8')) as Saved;
    if (saved.version === formatVersion) return saved;
  } catch {
    // Unreadable reports are replaced, as cargo does.
  }
  return { version: formatVersion, next_id: 1, reports: [] };
}

function suggestionsFor(found: readonly FutureIncompat[], id: number): string[] {
  if (found.every(({ unit }) => unit.package.source.kind === 'path')) return [];
  const units = new Map(found.map(({ unit }) => [specOf(unit), unit]));
  const places = [...units]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([spec, unit]) =>
        `  - ${spec}\n  - repository: ${unit.package.repository || '<not found>'}\n` +
        `  - detailed warning command: \`cargo report future-incompatibilities --id ${id} --package ${spec}\``,
    );
  return [
    'ensure the maintainers know of this problem (e.g. creating a bug report if needed)\n' +
      `or even helping with a fix (e.g. by creating a pull request)\n${places.join('\n\n')}`,
    'use your own version of the dependency with the `[patch]` section in `Cargo.toml`\n' +
      'For more information, see:\n' +
      'https://doc.rust-lang.org/cargo/reference/overriding-dependencies.html#the-patch-section',
  ];
}

function specOf({ package: pkg }: PlannedUnit): string {
  return `${pkg.name}@${pkg.version}`;
}
