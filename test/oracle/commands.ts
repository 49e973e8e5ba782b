/** The commands that `cargo build -vv` says it runs. */

export interface Command {
  readonly environment: ReadonlyMap<string, string>;
  readonly program: string;
  readonly arguments: readonly string[];
}

/** Reads every `Running` line of cargo's stderr; values may hold line breaks. */
export function readCommands(stderr: string): readonly Command[] {
  const commands: Command[] = [];
  const start = /^ +Running `/gm;
  for (let match = start.exec(stderr); match !== null; match = start.exec(stderr)) {
    const { words, end } = readWords(stderr, match.index + match[0].length);
    start.lastIndex = end;
    commands.push(toCommand(words));
  }
  return commands;
}

/** Words as cargo quotes them for display, up to the closing back quote. */
function readWords(text: string, from: number): { readonly words: readonly string[]; readonly end: number } {
  const words: string[] = [];
  let word: string | null = null;
  let at = from;
  for (;;) {
    const character = text[at];
    if (character === undefined) throw new Error('a command that does not end');
    if (character === '`' && (text[at + 1] === '\n' || at + 1 === text.length)) break;
    if (character === ' ') {
      if (word !== null) words.push(word);
      word = null;
      at++;
    } else if (character === "'") {
      const close = text.indexOf("'", at + 1);
      if (close < 0) throw new Error('a quote that does not end');
      word = (word ?? '') + text.slice(at + 1, close);
      at = close + 1;
    } else if (character === '\\') {
      word = (word ?? '') + (text[at + 1] ?? '');
      at += 2;
    } else {
      word = (word ?? '') + character;
      at++;
    }
  }
  if (word !== null) words.push(word);
  return { words, end: at + 1 };
}

function toCommand(words: readonly string[]): Command {
  const environment = new Map<string, string>();
  let index = 0;
  for (; index < words.length; index++) {
    const match = /^([A-Za-z_][^=/]*)=([\s\S]*)$/.exec(words[index] ?? '');
    if (match === null) break;
    environment.set(match[1] ?? '', match[2] ?? '');
  }
  return { environment, program: words[index] ?? '', arguments: words.slice(index + 1) };
}
