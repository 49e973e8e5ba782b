/** What a NAR can hold. */

/** Why a tree has no NAR. `path`: of the node in the tree, the root being the empty string. */
export type NarProblem =
  /** Empty, `.`, `..`, or with a slash or a zero byte. */
  | { readonly kind: 'name'; readonly path: string; readonly name: string }
  | { readonly kind: 'duplicate'; readonly path: string; readonly name: string }
  /** Empty, or with a zero byte. */
  | { readonly kind: 'target'; readonly path: string; readonly target: string }
  /** A name or target that is no Unicode text, so that its bytes are not known. */
  | { readonly kind: 'encoding'; readonly path: string; readonly text: string }
  /** The contents are not as long as `size` says. */
  | { readonly kind: 'size'; readonly path: string; readonly expected: number; readonly seen: number };

/** A tree that has no NAR, or a file that changed while it was read. */
export class NarError extends Error {
  readonly problem: NarProblem;

  constructor(problem: NarProblem) {
    super(sentence(problem));
    this.name = 'NarError';
    this.problem = problem;
  }
}

/** Whether a NAR can have a directory entry of this name; null: it can. */
export function narNameProblem(name: string): 'name' | 'encoding' | null {
  if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name)) return 'name';
  return isUnicode(name) ? null : 'encoding';
}

export function narTargetProblem(target: string): 'target' | 'encoding' | null {
  if (target === '' || target.includes('\0')) return 'target';
  return isUnicode(target) ? null : 'encoding';
}

/** Path of an entry below a node's path. */
export function childPath(parent: string, name: string): string {
  return parent === '' ? name : `${parent}/${name}`;
}

/** No surrogate without its other half. */
function isUnicode(text: string): boolean {
  return !/[\uD800-\uDFFF]/u.test(text);
}

function sentence(problem: NarProblem): string {
  const where = problem.path === '' ? 'the root' : JSON.stringify(problem.path);
  switch (problem.kind) {
    case 'name':
      return `${where} has an entry whose name a NAR cannot hold: ${JSON.stringify(problem.name)}`;
    case 'duplicate':
      return `${where} has two entries of the name ${JSON.stringify(problem.name)}`;
    case 'target':
      return `${where} is a symlink to what no symlink can name: ${JSON.stringify(problem.target)}`;
    case 'encoding':
      return `${where} is or holds a name that is not Unicode: ${JSON.stringify(problem.text)}`;
    case 'size':
      return `the contents of ${where} are ${problem.seen} bytes or more, not ${problem.expected}: it changed while it was read`;
  }
}
