/** Where text goes: stdout and stderr of this process, or a place that keeps it. */
export interface Sink {
  write(text: string): void;
  readonly isTerminal: boolean;
  /** Width of the terminal now; null: not a terminal, or it does not tell. */
  columns(): number | null;
}

export interface Terminal {
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** This process' own streams. A reader that goes away (`| head`) ends the output, not the build. */
export function processTerminal(): Terminal {
  return { stdout: sinkOf(process.stdout), stderr: sinkOf(process.stderr), environment: process.env };
}

export interface CapturingTerminal extends Terminal {
  text(): { readonly stdout: string; readonly stderr: string };
}

/** Keeps what is written; otherwise it looks like `like` (so that colours are the same), or like a pipe. */
export function capturingTerminal(like?: Terminal): CapturingTerminal {
  const stdout: string[] = [];
  const stderr: string[] = [];
  const sink = (list: string[], model?: Sink): Sink => ({
    write: (text) => void list.push(text),
    isTerminal: model?.isTerminal ?? false,
    columns: () => null,
  });
  return {
    stdout: sink(stdout, like?.stdout),
    stderr: sink(stderr, like?.stderr),
    environment: like?.environment ?? {},
    text: () => ({ stdout: stdout.join(''), stderr: stderr.join('') }),
  };
}

function sinkOf(stream: NodeJS.WriteStream): Sink {
  let open = true;
  stream.on('error', () => {
    open = false;
  });
  return {
    write(text) {
      if (open) stream.write(text);
    },
    isTerminal: stream.isTTY,
    columns: () => (stream.isTTY && stream.columns > 0 ? stream.columns : null),
  };
}
