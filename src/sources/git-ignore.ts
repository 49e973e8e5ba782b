/** Git's ignore rules without git (gitignore manual page), as far as they belong to the tree and its repository. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import ignore, { type Ignore } from 'ignore';

/**
 * The rules that hold in one directory: `.git/info/exclude`, then each `.gitignore` from the top down. All patterns are
 * rewritten to be relative to `top` and kept in one list, because there the last match wins across files, as in git.
 * A user's own `core.excludesFile` is left out: two users would get different trees.
 */
export class IgnoreRules {
  readonly #top: string;
  readonly #rules: Ignore;

  private constructor(top: string, rules: Ignore) {
    this.#top = top;
    this.#rules = rules;
  }

  /** Rules for `directory`: those of the repository around it, else those from `fallbackTop` down. */
  static around(directory: string, fallbackTop: string, read: (file: string) => string | null): IgnoreRules {
    const repository = findRepository(directory);
    const top = repository?.top ?? fallbackTop;
    let rules = new IgnoreRules(top, newRules());
    const exclude = repository === null ? null : read(path.join(repository.commonDir, 'info/exclude'));
    if (exclude !== null) rules = rules.#with('', exclude);
    let current = top;
    for (const name of path.relative(top, directory).split('/')) {
      rules = rules.enter(current, read);
      if (name === '') return rules;
      current = path.join(current, name);
      // The package's own directory is ignored: the rules above it were not made with its files in mind.
      if (rules.ignores(current, true)) return new IgnoreRules(directory, newRules()).enter(directory, read);
    }
    return rules.enter(directory, read);
  }

  /** Adds the directory's own `.gitignore`. */
  enter(directory: string, read: (file: string) => string | null): IgnoreRules {
    const text = read(path.join(directory, '.gitignore'));
    return text === null ? this : this.#with(path.relative(this.#top, directory), text);
  }

  ignores(file: string, isDirectory: boolean): boolean {
    const relative = path.relative(this.#top, file);
    if (relative === '' || relative.startsWith('../')) return false;
    return this.#rules.ignores(isDirectory ? `${relative}/` : relative);
  }

  #with(directory: string, text: string): IgnoreRules {
    const patterns = text.replace(/^\uFEFF/, '').split(/\r?\n/);
    const prefix = directory.replaceAll(/[\\*?[\]!# ]/g, String.raw`\$&`);
    const moved = directory === '' ? patterns : patterns.map((pattern) => movePattern(pattern, prefix));
    return new IgnoreRules(this.#top, newRules().add(this.#rules).add(moved));
  }
}

function newRules(): Ignore {
  return ignore({ ignorecase: false });
}

/** A pattern of `<prefix>/.gitignore` as it would stand in the top's: one with no inner slash matches at any depth. */
function movePattern(line: string, prefix: string): string {
  if (line.trim() === '' || line.startsWith('#')) return '';
  const negated = line.startsWith('!');
  const pattern = negated ? line.slice(1) : line.replace(/^\\(?=[!#])/, '');
  const anchored = pattern.replace(/\s+$/, '').slice(0, -1).includes('/');
  const moved = anchored ? `/${prefix}/${pattern.replace(/^\//, '')}` : `/${prefix}/**/${pattern}`;
  return negated ? `!${moved}` : moved;
}

interface Repository {
  readonly top: string;
  /** Where `info/exclude` lies: shared by all work trees. */
  readonly commonDir: string;
}

/** The work tree around a directory (gitrepository-layout manual page: `.git`, `gitdir:`, `commondir`). */
export function findRepository(directory: string): Repository | null {
  for (let current = directory; ; current = path.dirname(current)) {
    const dotGit = path.join(current, '.git');
    const stat = fs.statSync(dotGit, { throwIfNoEntry: false });
    if (stat?.isDirectory() === true) return { top: current, commonDir: dotGit };
    if (stat?.isFile() === true) return { top: current, commonDir: commonDirOf(dotGit) };
    if (current === path.dirname(current)) return null;
  }
}

function commonDirOf(dotGit: string): string {
  const pointer = /^gitdir: (.*)$/m.exec(fs.readFileSync(dotGit, 'utf8'))?.[1] ?? '';
  const gitDir = path.resolve(path.dirname(dotGit), pointer);
  const common = path.join(gitDir, 'commondir');
  return fs.existsSync(common) ? path.resolve(gitDir, fs.readFileSync(common, 'utf8').trim()) : gitDir;
}
