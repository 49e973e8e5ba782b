/** `--timings`: when each unit was built, as a page that needs nothing but a browser. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { EngineEvent, GoalKey } from '../engine/types.ts';
import type { PlannedUnit } from '../plan/types.ts';
import { progressName } from './names.ts';
import { makeDirectories } from '../sys/directories.ts';

interface Span {
  readonly start: number;
  metadata: number | null;
  end: number | null;
  result: string;
}

export class Timings {
  readonly #begun = performance.now();
  readonly #date = new Date();
  readonly #spans = new Map<GoalKey, Span>();

  on(event: EngineEvent): void {
    const now = (performance.now() - this.#begun) / 1000;
    const span = this.#spans.get(event.key);
    if (event.type === 'started' && span === undefined) {
      this.#spans.set(event.key, { start: now, metadata: null, end: null, result: 'unfinished' });
    }
    if (span === undefined) return;
    if (event.type === 'early') span.metadata = now;
    if (event.type === 'ended') {
      span.end = now;
      span.result = event.outcome.status;
    }
  }

  /**
   * Writes `cargo-timing-<time>.html` and `cargo-timing.html` into `directory`; gives the first one's path. `units`: all of
   * the build; `title`: what was built. Throws the system error.
   */
  write(directory: string, units: readonly PlannedUnit[], title: string): string {
    makeDirectories(directory);
    const stamp = this.#date.toISOString().replace(/[-:]/g, '').replace('.', '');
    const file = path.join(directory, `cargo-timing-${stamp}.html`);
    fs.writeFileSync(file, this.#page(units, title));
    const latest = path.join(directory, 'cargo-timing.html');
    fs.rmSync(latest, { force: true });
    fs.copyFileSync(file, latest);
    return file;
  }

  #page(units: readonly PlannedUnit[], title: string): string {
    const total = (performance.now() - this.#begun) / 1000;
    const built = units.flatMap((unit) => {
      const span = this.#spans.get(unit.id);
      return span === undefined || span.result === 'valid' ? [] : [{ unit, span }];
    });
    const rows = built
      .sort((a, b) => a.span.start - b.span.start)
      .map(({ unit, span }) => row(unit, span, total))
      .join('\n');
    return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escape(`Timings of ${title}`)}</title><style>
body { font-family: sans-serif; margin: 2em } table { border-collapse: collapse; width: 100% }
td, th { text-align: left; padding: 1px 8px; white-space: nowrap } td.number { text-align: right }
td.bars { width: 60% } .bar { position: relative; height: 1em; background: #f3f3f3 }
.bar span { position: absolute; height: 100%; min-width: 1px } .first { background: #95cce8 } .rest { background: #aa95e8 }
</style></head><body>
<h1>${escape(`Timings of ${title}`)}</h1>
<p>${escape(this.#date.toISOString())}: ${total.toFixed(2)} s, ${built.length} of ${units.length} units built, ${
      units.length - built.length
    } fresh. The darker part of a bar is the time after a library's metadata was there, when its dependents could start.</p>
<table><thead><tr><th>unit</th><th>version</th><th>start</th><th>seconds</th><th>result</th><th></th></tr></thead><tbody>
${rows}
</tbody></table></body></html>
`;
  }
}

function row(unit: PlannedUnit, span: Span, total: number): string {
  const end = span.end ?? total;
  const split = span.metadata ?? end;
  const part = (from: number, to: number, name: string) =>
    to > from
      ? `<span class="${name}" style="left:${percent(from, total)};width:${percent(to - from, total)}"></span>`
      : '';
  return `<tr><td>${escape(progressName(unit))}</td><td>${escape(unit.package.version)}</td><td class="number">${span.start.toFixed(
    2,
  )}</td><td class="number">${(end - span.start).toFixed(2)}</td><td>${span.result}</td><td class="bars"><div class="bar">${part(
    span.start,
    split,
    'first',
  )}${part(split, end, 'rest')}</div></td></tr>`;
}

function percent(seconds: number, total: number): string {
  return `${((100 * seconds) / Math.max(total, 0.001)).toFixed(3)}%`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
