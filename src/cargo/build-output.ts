/** What a build script may say on stdout, by cargo's rules ("Outputs of the Build Script" in the Cargo book). */
import type { Target } from './types.ts';

export type LinkArgKind = 'all' | 'cdylib' | 'bins' | 'tests' | 'benches' | 'examples' | `bin=${string}`;

export interface BuildOutput {
  readonly searchPaths: readonly string[];
  readonly libraries: readonly string[];
  readonly linkArgs: readonly { readonly kind: LinkArgKind; readonly argument: string }[];
  readonly cfgs: readonly string[];
  readonly checkCfgs: readonly string[];
  readonly env: readonly (readonly [name: string, value: string])[];
  readonly metadata: readonly (readonly [key: string, value: string])[];
  readonly rerunIfChanged: readonly string[];
  readonly rerunIfEnvChanged: readonly string[];
  readonly messages: readonly { readonly level: 'warning' | 'error'; readonly text: string }[];
}

/** What the rules depend on besides the text. */
export interface BuildOutputContext {
  /** The package as cargo names it in messages: `foo v0.1.0 (/path)`. */
  readonly description: string;
  readonly targets: readonly Target[];
  /** `package.rust-version`; empty: none. */
  readonly rustVersion: string;
  /** Whether `RUSTC_BOOTSTRAP` may be set: `nightly`, or allowed by the caller's own `RUSTC_BOOTSTRAP`. */
  readonly nightly: boolean;
  readonly libraryName: string | null;
  readonly callerBootstrap: string | null;
}

export type ParsedBuildOutput =
  | { readonly ok: true; readonly output: BuildOutput }
  /** `message`: cargo's text. */
  | { readonly ok: false; readonly message: string };

const reserved = [
  'rustc-flags=',
  'rustc-link-lib=',
  'rustc-link-search=',
  'rustc-link-arg-cdylib=',
  'rustc-cdylib-link-arg=',
  'rustc-link-arg-bins=',
  'rustc-link-arg-bin=',
  'rustc-link-arg-tests=',
  'rustc-link-arg-benches=',
  'rustc-link-arg-examples=',
  'rustc-link-arg=',
  'rustc-cfg=',
  'rustc-check-cfg=',
  'rustc-env=',
  'warning=',
  'rerun-if-changed=',
  'rerun-if-env-changed=',
];

const more =
  'See https://doc.rust-lang.org/cargo/reference/build-scripts.html#outputs-of-the-build-script ' +
  'for more information about build script outputs.';

class Malformed extends Error {}

/** Parses a build script's whole stdout. What is malformed gives cargo's message. */
export function parseBuildOutput(text: string, context: BuildOutputContext): ParsedBuildOutput {
  const parser = new Parser(context);
  try {
    for (const raw of text.split('\n')) parser.line(raw.trim());
  } catch (error) {
    if (error instanceof Malformed) return { ok: false, message: error.message };
    throw error;
  }
  return { ok: true, output: parser.result };
}

class Parser {
  readonly result = {
    searchPaths: [] as string[],
    libraries: [] as string[],
    linkArgs: [] as { kind: LinkArgKind; argument: string }[],
    cfgs: [] as string[],
    checkCfgs: [] as string[],
    env: [] as [string, string][],
    metadata: [] as [string, string][],
    rerunIfChanged: [] as string[],
    rerunIfEnvChanged: [] as string[],
    messages: [] as { level: 'warning' | 'error'; text: string }[],
  };
  readonly #context: BuildOutputContext;
  readonly #whence: string;

  constructor(context: BuildOutputContext) {
    this.#context = context;
    this.#whence = `build script of \`${context.description}\``;
  }

  line(line: string): void {
    let prefix: 'cargo:' | 'cargo::';
    let key: string;
    let value: string;
    if (line.startsWith('cargo::')) {
      prefix = 'cargo::';
      const data = line.slice(prefix.length);
      this.#checkRustVersion(data);
      [key, value] = this.#split(line, data, prefix);
    } else if (line.startsWith('cargo:')) {
      prefix = 'cargo:';
      const data = line.slice(prefix.length);
      [key, value] = reserved.some((name) => data.startsWith(name))
        ? this.#split(line, data, prefix)
        : ['metadata', data];
    } else return;
    this.#directive(line, prefix, key, value);
  }

  #directive(line: string, prefix: 'cargo:' | 'cargo::', key: string, value: string): void {
    const { result } = this;
    switch (key) {
      case 'rustc-flags':
        return this.#rustcFlags(value);
      case 'rustc-link-lib':
        result.libraries.push(value);
        return;
      case 'rustc-link-search':
        result.searchPaths.push(value);
        return;
      case 'rustc-link-arg-cdylib':
      case 'rustc-cdylib-link-arg':
        if (!this.#has('cdylib')) {
          result.messages.push({
            level: 'warning',
            text:
              `${prefix}${key} was specified in the build script of ${this.#context.description}, ` +
              'but that package does not contain a cdylib target\n\n' +
              'Allowing this was an unintended change in the 1.50 release, and may become an error in the future. ' +
              'For more information, see <https://github.com/rust-lang/cargo/issues/9562>.',
          });
        }
        result.linkArgs.push({ kind: 'cdylib', argument: value });
        return;
      case 'rustc-link-arg-bins':
        return this.#linkArg(prefix, key, 'bin', 'bin', 'bins', value);
      case 'rustc-link-arg-bin':
        return this.#linkArgBin(prefix, key, value);
      case 'rustc-link-arg-tests':
        return this.#linkArg(prefix, key, 'test', 'test', 'tests', value);
      case 'rustc-link-arg-benches':
        return this.#linkArg(prefix, key, 'bench', 'benchmark', 'benches', value);
      case 'rustc-link-arg-examples':
        return this.#linkArg(prefix, key, 'example', 'example', 'examples', value);
      case 'rustc-link-arg':
        result.linkArgs.push({ kind: 'all', argument: value });
        return;
      case 'rustc-cfg':
        result.cfgs.push(value);
        return;
      case 'rustc-check-cfg':
        result.checkCfgs.push(value);
        return;
      case 'rustc-env':
        return this.#rustcEnv(value);
      case 'error':
      case 'warning':
        result.messages.push({ level: key, text: value });
        return;
      case 'rerun-if-changed':
        result.rerunIfChanged.push(value);
        return;
      case 'rerun-if-env-changed':
        result.rerunIfEnvChanged.push(value);
        return;
      case 'metadata': {
        const at = value.indexOf('=');
        if (at < 0) throw this.#expected(line, prefix === 'cargo:' ? 'cargo:' : 'cargo::metadata=');
        result.metadata.push([value.slice(0, at), value.slice(at + 1).trimEnd()]);
        return;
      }
      default:
        throw new Malformed(`invalid output in ${this.#whence}: \`${line}\`\nUnknown key: \`${key}\`.\n${more}`);
    }
  }

  #split(line: string, data: string, prefix: string): [string, string] {
    const at = data.indexOf('=');
    if (at < 0) throw this.#expected(line, prefix);
    return [data.slice(0, at), data.slice(at + 1).trimEnd()];
  }

  #expected(line: string, prefix: string): Malformed {
    return new Malformed(
      `invalid output in ${this.#whence}: \`${line}\`\n` +
        `Expected a line with \`${prefix}KEY=VALUE\` with an \`=\` character, but none was found.\n${more}`,
    );
  }

  #has(kind: string): boolean {
    return this.#context.targets.some((target) => target.kind.includes(kind) || target.crate_types.includes(kind));
  }

  #linkArg(prefix: string, key: string, kind: string, noun: string, link: LinkArgKind, argument: string): void {
    if (!this.#context.targets.some((target) => target.kind.includes(kind))) {
      throw new Malformed(
        `invalid instruction \`${prefix}${key}\` from ${this.#whence}\n` +
          `The package ${this.#context.description} does not have a ${noun} target.`,
      );
    }
    this.result.linkArgs.push({ kind: link, argument });
  }

  #linkArgBin(prefix: string, key: string, value: string): void {
    const at = value.indexOf('=');
    if (at < 0) {
      throw new Malformed(
        `invalid instruction \`${prefix}${key}=${value}\` from ${this.#whence}\n` +
          `The instruction should have the form ${prefix}${key}=BIN=ARG`,
      );
    }
    const bin = value.slice(0, at);
    if (!this.#context.targets.some((target) => target.kind.includes('bin') && target.name === bin)) {
      throw new Malformed(
        `invalid instruction \`${prefix}${key}\` from ${this.#whence}\n` +
          `The package ${this.#context.description} does not have a bin target with the name \`${bin}\`.`,
      );
    }
    this.result.linkArgs.push({ kind: `bin=${bin}`, argument: value.slice(at + 1) });
  }

  #rustcFlags(value: string): void {
    const words = value.trim().split(/\s+/).filter(Boolean);
    for (let at = 0; at < words.length; at += 1) {
      const word = words[at] ?? '';
      const flag = word.slice(0, 2);
      if (flag !== '-l' && flag !== '-L') {
        throw new Malformed(`only \`-l\` and \`-L\` flags are allowed in ${this.#whence}: \`${value.trim()}\``);
      }
      let operand = word.slice(2);
      if (operand === '') {
        at += 1;
        const next = words[at];
        if (next === undefined) throw new Malformed(`flag in rustc-flags has no value in ${this.#whence}: ${operand}`);
        operand = next;
      }
      if (flag === '-l') this.result.libraries.push(operand);
      else this.result.searchPaths.push(operand);
    }
  }

  #rustcEnv(value: string): void {
    const at = value.indexOf('=');
    if (at < 0) throw new Malformed(`Variable rustc-env has no value in ${this.#whence}: ${value}`);
    const name = value.slice(0, at);
    const content = value.slice(at + 1);
    if (name !== 'RUSTC_BOOTSTRAP') {
      this.result.env.push([name, content]);
      return;
    }
    const { nightly, libraryName, callerBootstrap } = this.#context;
    const first = `cannot set \`RUSTC_BOOTSTRAP=${content}\` from ${this.#whence}.\n`;
    const note =
      'note: crates cannot set `RUSTC_BOOTSTRAP` themselves, as doing so would subvert the stability guarantees of Rust for your project.';
    if (nightly || (libraryName !== null && callerBootstrap?.split(',').includes(libraryName))) {
      this.result.messages.push({ level: 'warning', text: first + note });
      return;
    }
    throw new Malformed(
      `${first}${note}\nhelp: If you're sure you want to do this in your project, set the environment variable ` +
        `\`RUSTC_BOOTSTRAP=${libraryName ?? '1'}\` before running cargo instead.`,
    );
  }

  /** The `cargo::` form came with Rust 1.77: a package that declares an older one must not use it. */
  #checkRustVersion(flag: string): void {
    const { rustVersion, description } = this.#context;
    if (rustVersion === '') return;
    const [major = 1, minor = 0] = rustVersion.split('.').map(Number);
    if (major > 1 || minor >= 77) return;
    let advice = '';
    if (reserved.some((name) => flag.startsWith(name))) {
      advice = `Switch to the old \`cargo:${flag}\` syntax (note the single colon).\n`;
    } else if (flag.startsWith('metadata=')) {
      const old = flag.slice('metadata='.length);
      advice = `Switch to the old \`cargo:${old}\` syntax instead of \`cargo::${flag}\` (note the single colon).\n`;
    }
    throw new Malformed(
      'the `cargo::` syntax for build script output instructions was added in Rust 1.77.0, but the minimum ' +
        `supported Rust version of \`${description}\` is ${rustVersion}.\n${advice}${more}`,
    );
  }
}
