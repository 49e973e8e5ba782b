/** cargo's stderr on its way to the user. */

export interface Sink {
  write(text: string): void;
  readonly isTerminal: boolean;
  /** Width of the terminal, for progress bars. */
  readonly columns: number;
  /** It is this process' own stderr: a child may write to it directly. */
  readonly inherited: boolean;
}

/** What drydock itself was given as stderr. */
export function processStderr(): Sink {
  return {
    write: (text) => void process.stderr.write(text),
    isTerminal: process.stderr.isTTY,
    columns: process.stderr.columns ?? 80,
    inherited: true,
  };
}

/**
 * Passes cargo's stderr on as it comes, with two exceptions. Until `release` nothing leaves: another process may turn
 * out to know the better message. From the first line that starts an error everything is held until the exit code is
 * known: an error that only speaks of drydock's own way of asking is dropped for what plain cargo says. `panics`: cargo is
 * expected to end with a panic, which is nobody's business.
 */
export interface Relay {
  readonly chunk: (data: Buffer) => void;
  release(): void;
  /** Text from the first error on. */
  held(): string;
  /** Writes what is held. */
  flush(): void;
}

export function relay(sink: Sink, rewrite: (line: string) => string, panics = false): Relay {
  let pending = '';
  let waiting = '';
  let error: string | null = null;
  let released = false;

  const emit = (line: string) => {
    if (error === null && /^error\b/.test(withoutColors(line))) error = '';
    if (error !== null) error += line;
    else if (released) sink.write(rewrite(line));
    else waiting += rewrite(line);
  };
  const lines = panics ? untilPanic(emit) : { take: emit, end: () => {} };
  return {
    chunk(data) {
      pending += data.toString('utf8');
      // A carriage return ends a state of a progress bar.
      for (let match = /[\n\r]/.exec(pending); match; match = /[\n\r]/.exec(pending)) {
        lines.take(pending.slice(0, match.index + 1));
        pending = pending.slice(match.index + 1);
      }
    },
    release() {
      released = true;
      if (waiting !== '') sink.write(waiting);
      waiting = '';
    },
    held: () => (error ?? '') + pending,
    flush() {
      lines.end();
      if (waiting !== '') sink.write(waiting);
      const rest = (error ?? '') + pending;
      if (rest !== '') sink.write(rest);
      waiting = '';
      pending = '';
      error = '';
    },
  };
}

/** Passes lines on until one reports a panic; the empty line before that one belongs to it. */
function untilPanic(pass: (line: string) => void): { take(line: string): void; end(): void } {
  let empty = false;
  let over = false;
  const end = () => {
    if (empty) pass('\n');
    empty = false;
  };
  return {
    take(line) {
      over ||= /^thread '.*' .*panicked at /.test(line);
      if (over) empty = false;
      if (over) return;
      end();
      empty = line === '\n';
      if (!empty) pass(line);
    },
    end,
  };
}

const colors = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*[A-Za-z]`, 'g');

export function withoutColors(text: string): string {
  return text.replace(colors, '');
}

/**
 * Undoes what a stable cargo writes otherwise while it takes itself for a nightly one: advice that only holds there, and
 * links into the nightly book.
 */
export function asStable(channel: string): (line: string) => string {
  const book = channel === 'beta' ? '/beta/cargo/' : '/cargo/';
  return (line) => {
    const advice = /^consider passing `(-Z[\w-]+)` to enable this feature\.(\s*)$/.exec(line);
    if (advice) {
      return `this Cargo does not support nightly features, but if you\nswitch to nightly channel you can pass\n\`${advice[1]}\` to enable this feature.${advice[2]}`;
    }
    return line.includes('for more information about using this feature.')
      ? line.replace('/nightly/cargo/', book)
      : line;
  };
}
