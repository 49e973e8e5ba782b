/** What the text of one Rust file says about other files and variables. Depends on the text alone, so it is kept by hash. */
import { type PathExpression, readPathExpression } from './path-expression.ts';
import { textValue, tokenKind, tokenize, type Tokens } from './lexer.ts';
import { attributeAt, type AttributePaths, noAttributePaths, startOfItem } from './attributes.ts';
import { isToken, tokenText } from './token-text.ts';

/**
 * A `mod name;`. `path` is relative to the file's directory, without extension if `byName`.
 * `inStem`: below the directory that a file which is not `mod.rs` adds for its modules (`foo/` of `foo.rs`).
 * `floating`: written in a macro definition, so any file of the crate may be the one it is relative to.
 */
export interface ModuleFact {
  readonly path: string;
  readonly byName: boolean;
  readonly inStem: boolean;
  readonly floating: boolean;
}

/** An `include!`, `include_str!` or `include_bytes!`; `isRust`: `include!`, whose text is scanned too. */
export interface IncludeFact {
  readonly path: string;
  /** Relative to the file's directory, or appended to the package's root. */
  readonly base: 'file' | 'manifest';
  readonly isRust: boolean;
  readonly floating: boolean;
}

export interface Facts {
  readonly modules: readonly ModuleFact[];
  readonly includes: readonly IncludeFact[];
  /** Names in `env!` and `option_env!`. */
  readonly env: readonly string[];
  /** Names that the program asks for when it runs: `env::var("…")`, `env::var_os("…")`. */
  readonly asked: readonly string[];
  /** Programs that it starts by name: `Command::new("…")`. */
  readonly programs: readonly string[];
  /** A file is named in a way that only the compiler can follow. */
  readonly dynamic: boolean;
  /** The program `git`, or a path into `.git`, is named in a string. */
  readonly repository: boolean;
}

/** One way in which the directory for `mod name;` can come about at some depth of inline modules. */
interface Place {
  readonly directory: string;
  /** `open`: no inline module yet; `in`: below the stem directory; `off`: an inline `#[path]` came first. */
  readonly stem: 'open' | 'in' | 'off';
}

interface Inline {
  readonly depth: number;
  /** null: the module's name is a macro variable. */
  readonly places: readonly Place[] | null;
}

const openingMarks = '([{';
const noFacts: Facts = {
  modules: [],
  includes: [],
  env: [],
  asked: [],
  programs: [],
  dynamic: false,
  repository: false,
};
/** Every text with a fact has one of these words, if only in a comment: most files have none and need no tokens. */
const anyFact =
  /\bmod\b|\binclude(?:_str|_bytes)?\s*[!/]|\b(?:option_)?env\s*[!/]|\bvar(?:_os)?\s*[(/]|\bCommand\s*[:/]/;
const anyRepository = /"git"|["/]\.git["/]/;

/** Reads the facts out of a text. Rules: Rust reference, "Module source filenames" and "The path attribute". */
export function readFacts(bytes: Buffer): Facts {
  const text = bytes.toString('latin1');
  const facts = anyFact.test(text) ? new Reader(tokenize(bytes)).run() : noFacts;
  return { ...facts, repository: anyRepository.test(text) };
}

class Reader {
  readonly #tokens: Tokens;
  readonly #modules: ModuleFact[] = [];
  readonly #includes: IncludeFact[] = [];
  readonly #env = new Set<string>();
  readonly #asked = new Set<string>();
  readonly #programs = new Set<string>();
  #dynamic = false;
  #depth = 0;
  /** Brace depth above which a macro definition ends; null: not in one. */
  #definition: number | null = null;
  readonly #inline: Inline[] = [];
  /** Paths of the run of attributes that ended last, and the token after that run. */
  #attributes: AttributePaths = noAttributePaths;
  #attributesEnd = -1;

  constructor(tokens: Tokens) {
    this.#tokens = tokens;
  }

  run(): Omit<Facts, 'repository'> {
    const { kinds, bytes, starts, ends, count } = this.#tokens;
    for (let index = 0; index < count; index++) {
      const start = starts[index] ?? 0;
      if (kinds[index] === tokenKind.mark) this.#mark(index, bytes[start] ?? 0);
      else if (kinds[index] === tokenKind.word) this.#word(index, bytes[start] ?? 0, (ends[index] ?? 0) - start);
    }
    return {
      modules: this.#modules,
      includes: this.#includes,
      env: [...this.#env].sort(),
      asked: [...this.#asked].sort(),
      programs: [...this.#programs].sort(),
      dynamic: this.#dynamic,
    };
  }

  #mark(index: number, byte: number): void {
    if (byte === 0x7b) this.#depth++;
    else if (byte === 0x7d) this.#close();
    else if (byte === 0x23) this.#attribute(index);
  }

  #close(): void {
    this.#depth = Math.max(0, this.#depth - 1);
    if (this.#inline.at(-1)?.depth === this.#depth) this.#inline.pop();
    if (this.#definition !== null && this.#depth <= this.#definition) this.#definition = null;
  }

  #attribute(index: number): void {
    const attribute = attributeAt(this.#tokens, index);
    if (attribute === null) return;
    if (attribute.dynamic || (attribute.inner && attribute.paths.direct !== null && this.#inline.length > 0)) {
      this.#dynamic = true;
    }
    if (attribute.inner) return;
    const before = this.#attributesEnd === index ? this.#attributes : noAttributePaths;
    this.#attributes = {
      direct: before.direct ?? attribute.paths.direct,
      conditional: [...before.conditional, ...attribute.paths.conditional],
    };
    this.#attributesEnd = attribute.end;
  }

  /** Only words that begin and are as long as the ones looked for are read. */
  #word(index: number, first: number, length: number): void {
    if (first === 0x6d && length === 3 && isToken(this.#tokens, index, 'mod')) this.#module(index);
    else if (first === 0x6d && length === 11 && isToken(this.#tokens, index, 'macro_rules')) this.#macroRules(index);
    else if (first === 0x6d && length === 5 && isToken(this.#tokens, index, 'macro')) this.#macro(index);
    else if (first === 0x65 && length === 3 && isToken(this.#tokens, index, 'env')) this.#variable(index);
    else if (first === 0x6f && length === 10 && isToken(this.#tokens, index, 'option_env')) this.#variable(index);
    else if (first === 0x76 && (length === 3 || length === 6)) this.#question(index);
    else if (first === 0x43 && length === 7 && isToken(this.#tokens, index, 'Command')) this.#command(index);
    else if (first === 0x69 && (length === 7 || length === 11 || length === 13)) {
      const word = tokenText(this.#tokens, index);
      if (word === 'include' || word === 'include_str' || word === 'include_bytes') this.#include(index, word);
    }
  }

  #macroRules(index: number): void {
    if (isToken(this.#tokens, index + 1, '!') && this.#tokens.kinds[index + 2] === tokenKind.word) this.#define();
  }

  #macro(index: number): void {
    const named = this.#tokens.kinds[index + 1] === tokenKind.word;
    if (named && (isToken(this.#tokens, index + 2, '(') || isToken(this.#tokens, index + 2, '{'))) this.#define();
  }

  #define(): void {
    this.#definition ??= this.#depth;
  }

  #module(index: number): void {
    if (isToken(this.#tokens, index - 1, '$')) return;
    const variable = isToken(this.#tokens, index + 1, '$');
    const nameAt = variable ? index + 2 : index + 1;
    const kind = this.#tokens.kinds[nameAt];
    if (kind !== tokenKind.word && kind !== tokenKind.rawWord) return;
    const name = variable ? null : tokenText(this.#tokens, nameAt);
    if (isToken(this.#tokens, nameAt + 1, '{')) {
      this.#inline.push({ depth: this.#depth, places: this.#inside(name, this.#pathsBefore(index)) });
    } else if (isToken(this.#tokens, nameAt + 1, ';')) this.#declare(name, this.#pathsBefore(index));
  }

  #pathsBefore(index: number): AttributePaths {
    return startOfItem(this.#tokens, index) === this.#attributesEnd ? this.#attributes : noAttributePaths;
  }

  /** Where modules below an inline module are looked for; rustc's rule: a path replaces the name and drops the stem. */
  #inside(name: string | null, paths: AttributePaths): readonly Place[] | null {
    const outer = this.#places();
    if (outer === null || (name === null && paths.direct === null)) return null;
    const places: Place[] = [];
    for (const place of outer) {
      for (const path of alternatives(paths)) {
        places.push({ directory: join(place.directory, path), stem: place.stem === 'open' ? 'off' : place.stem });
      }
      if (paths.direct === null && name !== null) {
        places.push({ directory: join(place.directory, name), stem: place.stem === 'open' ? 'in' : place.stem });
      }
    }
    return places;
  }

  #declare(name: string | null, paths: AttributePaths): void {
    const outer = this.#places();
    if (outer === null || (name === null && paths.direct === null)) {
      this.#dynamic = true;
      return;
    }
    const floating = this.#definition !== null;
    for (const { directory, stem } of outer) {
      for (const path of alternatives(paths)) {
        this.#modules.push({ path: join(directory, path), byName: false, inStem: stem === 'in', floating });
      }
      if (paths.direct === null && name !== null) {
        this.#modules.push({ path: join(directory, name), byName: true, inStem: stem !== 'off', floating });
      }
    }
  }

  #places(): readonly Place[] | null {
    const last = this.#inline.at(-1);
    return last === undefined ? [{ directory: '', stem: 'open' }] : last.places;
  }

  #variable(index: number): void {
    if (!this.#isCall(index) || this.#tokens.kinds[index + 3] !== tokenKind.text) return;
    this.#env.add(textValue(this.#tokens, index + 3));
  }

  #question(index: number): void {
    const word = tokenText(this.#tokens, index);
    if ((word !== 'var' && word !== 'var_os') || !isToken(this.#tokens, index + 1, '(')) return;
    if (this.#tokens.kinds[index + 2] === tokenKind.text) this.#asked.add(textValue(this.#tokens, index + 2));
  }

  #command(index: number): void {
    const called = [':', ':', 'new', '('].every((text, at) => isToken(this.#tokens, index + 1 + at, text));
    if (!called || this.#tokens.kinds[index + 5] !== tokenKind.text) return;
    this.#programs.add(textValue(this.#tokens, index + 5));
  }

  #include(index: number, word: string): void {
    if (!this.#isCall(index)) return;
    const expression: PathExpression = readPathExpression(this.#tokens, index + 3);
    if (expression.kind === 'dynamic') this.#dynamic = true;
    if (expression.kind !== 'literal') return;
    const { base, path } = expression;
    const floating = this.#definition !== null && base === 'file';
    this.#includes.push({ path, base, isRust: word === 'include', floating });
  }

  #isCall(index: number): boolean {
    return isToken(this.#tokens, index + 1, '!') && openingMarks.includes(tokenText(this.#tokens, index + 2) || ' ');
  }
}

function alternatives(paths: AttributePaths): readonly string[] {
  return paths.direct === null ? paths.conditional : [paths.direct];
}

/** Joined as rustc does it: an absolute path stands alone; nothing is normalised. */
function join(directory: string, path: string): string {
  return directory === '' || path.startsWith('/') ? path : `${directory}/${path}`;
}
