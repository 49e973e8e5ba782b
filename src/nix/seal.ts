/** Everything that follows from a derivation's contents (Nix manual: "Deriving path", "Store path specification"). */
import { envEntry, outputEntry, quote } from './aterm.ts';
import { ByteWriter } from './byte-writer.ts';
import { sha256 } from './hash.ts';
import { sortedEntries, sortedSet } from './order.ts';
import { sealInputs } from './seal-inputs.ts';
import type { SealInputs } from './seal-inputs.ts';
import { fixedOutputPath, hashedTextPath, outputPath } from './store-path.ts';
import type { FixedOutput } from './store-path.ts';
import type { DerivationDraft, DerivationOutput, DrvPath, SealedDerivation, Sha256, StorePath } from './types.ts';

/**
 * Computes output path, `env.out` and derivation path of a derivation with the one output `out`, input-addressed.
 * The environment is taken as it is: what `derivation { … }` puts there itself (`name`, `system`, `builder`) is the
 * caller's part. Throws on an invalid name.
 */
export function sealDerivation(draft: DerivationDraft): SealedDerivation {
  const texts = new Texts(draft, draft.env);
  const masked = texts.moduloHash({ path: '', hashAlgo: '', hash: '' });
  const output = { path: outputPath(masked, 'out', draft.name), hashAlgo: '', hash: '' };
  return texts.seal(output, texts.moduloHash(output));
}

/**
 * The same for a fixed-output derivation: its contents are known beforehand, so its dependents' hashes do not depend
 * on how it is made. `outputHash`, `outputHashAlgo` and `outputHashMode` enter the environment unless they are there.
 */
export function sealFixedOutput(
  draft: DerivationDraft,
  fixed: Pick<FixedOutput, 'method' | 'sha256'>,
): SealedDerivation {
  const nar = fixed.method === 'nar';
  const declared = { outputHash: fixed.sha256, outputHashAlgo: 'sha256', outputHashMode: nar ? 'recursive' : 'flat' };
  const path = fixedOutputPath({ name: draft.name, ...fixed });
  const output = { path, hashAlgo: nar ? 'r:sha256' : 'sha256', hash: fixed.sha256 };
  const moduloHash = sha256(`fixed:out:${output.hashAlgo}:${output.hash}:${path}`);
  return new Texts(draft, { ...declared, ...draft.env }).seal(output, moduloHash);
}

type OutputText = Omit<DerivationOutput, 'path'> & { readonly path: string };

// Used again for every derivation: sealing is synchronous, so one is done before the next begins.
const whole = new ByteWriter(1 << 16);
const tail = new ByteWriter(1 << 14);

/**
 * The texts of one derivation. They differ in the output (also in the environment) and in how inputs are named.
 * Good until the next one is made: they share a buffer.
 */
class Texts {
  readonly #draft: DerivationDraft;
  readonly #env: Readonly<Record<string, string>>;
  readonly #inputs: SealInputs;
  readonly #sources: readonly StorePath[];
  /** From the end of the inputs to `env.out`, and from there to the end. */
  readonly #beforeOut: Uint8Array;
  readonly #afterOut: Uint8Array;

  constructor(draft: DerivationDraft, env: Readonly<Record<string, string>>) {
    if (draft.name.endsWith('.drv')) throw new Error(`the name of a derivation ends in .drv: ${draft.name}`);
    this.#draft = draft;
    this.#env = env;
    this.#inputs = sealInputs(draft.inputDrvs);
    this.#sources = sortedSet(draft.inputSrcs) as StorePath[];
    const variables = sortedEntries({ ...env, out: '' });
    const outAt = variables.findIndex(([name]) => name === 'out');
    const entries = variables.map(([name, value]) => envEntry(name, value));
    const before = entries.slice(0, outAt).map((entry) => `${entry},`);
    const after = entries.slice(outAt + 1).map((entry) => `,${entry}`);
    const program = `${quote(draft.system)},${quote(draft.builder)},[${draft.args.map(quote).join()}]`;
    const start = `],[${this.#sources.map(quote).join()}],${program},[${before.join('')}`;
    const split = tail.clear().text(start).length;
    const rest = tail.text(`${after.join('')}])`).view();
    this.#beforeOut = rest.subarray(0, split);
    this.#afterOut = rest.subarray(split);
  }

  /** Hash of the text in which every input stands by its own modulo hash. */
  moduloHash(output: OutputText): Sha256 {
    return sha256(this.#write(output, this.#inputs.byModuloHash));
  }

  seal(output: DerivationOutput, moduloHash: Sha256): SealedDerivation {
    const { name, system, builder, args } = this.#draft;
    const { paths, byPath } = this.#inputs;
    const bytes = this.#write(output, byPath);
    const references = merged(this.#sources, paths);
    const drvPath = hashedTextPath(`${name}.drv`, sha256(bytes), references) as DrvPath;
    const derivation = {
      outputs: { out: output },
      inputDrvs: inputRecord(paths),
      inputSrcs: this.#sources,
      system,
      builder,
      args,
      env: { ...this.#env, out: output.path },
    };
    return { name, derivation, drvPath, outPath: output.path, moduloHash, aterm: bytes.toString('utf8') };
  }

  /** The whole text; the bytes are good until the next call. */
  #write(output: OutputText, inputs: Uint8Array): Buffer {
    const head = `Derive([${outputEntry('out', output)}],[`;
    const variable = envEntry('out', output.path);
    return whole.clear().text(head).bytes(inputs).bytes(this.#beforeOut).text(variable).bytes(this.#afterOut).view();
  }
}

/** Two sorted lists as one, each path once. */
function merged(sources: readonly StorePath[], paths: readonly StorePath[]): StorePath[] {
  const all: StorePath[] = [];
  let at = 0;
  for (const path of paths) {
    for (let source = sources[at]; source !== undefined && source <= path; source = sources[++at]) {
      if (source !== path) all.push(source);
    }
    all.push(path);
  }
  return at === sources.length ? all : [...all, ...sources.slice(at)];
}

const onlyOut: readonly string[] = ['out'];

function inputRecord(paths: readonly DrvPath[]): Record<DrvPath, readonly string[]> {
  const record = Object.create(null) as Record<DrvPath, readonly string[]>;
  for (const path of paths) record[path] = onlyOut;
  return record;
}
