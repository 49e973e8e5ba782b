/** Everything that follows from a derivation's contents (Nix manual: "Deriving path", "Store path specification"). */
import { assemble, envEntry, inputEntry, outputEntry, quote } from './aterm.ts';
import { sha256 } from './hash.ts';
import { sortedEntries, sortedSet, withoutRepeats } from './order.ts';
import { fixedOutputPath, outputPath, textPath } from './store-path.ts';
import type { FixedOutput } from './store-path.ts';
import type { DerivationDraft, DerivationOutput, DrvPath, SealedDerivation, Sha256, StorePath } from './types.ts';

/** How a sealed derivation appears in the texts of those that have it as an input. Printed once, used many times. */
interface InputEntries {
  readonly byPath: string;
  readonly byModuloHash: string;
}

const inputEntries = new WeakMap<SealedDerivation, InputEntries>();
const onlyOut = ['out'];

/**
 * Computes output path, `env.out` and derivation path of a derivation with the one output `out`, input-addressed.
 * The environment is taken as it is: what `derivation { … }` puts there itself (`name`, `system`, `builder`) is the
 * caller's part. Throws on an invalid name.
 */
export function sealDerivation(draft: DerivationDraft): SealedDerivation {
  const print = printer(draft, draft.env);
  const masked = sha256(print.modulo({ path: '', hashAlgo: '', hash: '' }));
  const output = { path: outputPath(masked, 'out', draft.name), hashAlgo: '', hash: '' };
  return print.seal(output, sha256(print.modulo(output)));
}

/**
 * The same for a fixed-output derivation: its contents are known beforehand, so its dependents' hashes do not depend
 * on how it is made. `outputHash`, `outputHashAlgo` and `outputHashMode` enter the environment unless they are there.
 */
export function sealFixedOutput(draft: DerivationDraft, fixed: Pick<FixedOutput, 'method' | 'sha256'>): SealedDerivation {
  const nar = fixed.method === 'nar';
  const declared = { outputHash: fixed.sha256, outputHashAlgo: 'sha256', outputHashMode: nar ? 'recursive' : 'flat' };
  const path = fixedOutputPath({ name: draft.name, ...fixed });
  const output = { path, hashAlgo: nar ? 'r:sha256' : 'sha256', hash: fixed.sha256 };
  const moduloHash = sha256(`fixed:out:${output.hashAlgo}:${output.hash}:${path}`);
  return printer(draft, { ...declared, ...draft.env }).seal(output, moduloHash);
}

type OutputText = Omit<DerivationOutput, 'path'> & { readonly path: string };

/** Prints what the texts of one derivation share once: they differ in the output and in how inputs are named. */
function printer(draft: DerivationDraft, env: Readonly<Record<string, string>>) {
  if (draft.name.endsWith('.drv')) throw new Error(`the name of a derivation ends in .drv: ${draft.name}`);
  const entries = draft.inputDrvs.map(entriesOf);
  const byModuloHash = withoutRepeats(entries.map((entry) => entry.byModuloHash).toSorted());
  const byPath = withoutRepeats(entries.map((entry) => entry.byPath).toSorted());
  const inputSrcs = sortedSet(draft.inputSrcs) as StorePath[];
  const sources = inputSrcs.map(quote);
  const variables = sortedEntries({ ...env, out: '' });
  const envTexts = variables.map(([name, value]) => envEntry(name, value));
  const outAt = variables.findIndex(([name]) => name === 'out');
  const { system, builder, args } = draft;

  const text = (output: OutputText, inputs: readonly string[]): string => {
    envTexts[outAt] = envEntry('out', output.path);
    return assemble({ outputs: [outputEntry('out', output)], inputs, sources, system, builder, args, env: envTexts });
  };

  return {
    /** The text whose hash stands for this derivation in others. */
    modulo: (output: OutputText): string => text(output, byModuloHash),
    seal: (output: DerivationOutput, moduloHash: Sha256): SealedDerivation => {
      const aterm = text(output, byPath);
      const references = [...inputSrcs, ...draft.inputDrvs.map((input) => input.drvPath)];
      const drvPath = textPath(`${draft.name}.drv`, aterm, references) as DrvPath;
      const inputDrvs = Object.fromEntries(draft.inputDrvs.map((input) => [input.drvPath, onlyOut]));
      const derivation = { outputs: { out: output }, inputDrvs, inputSrcs, system, builder, args, env: { ...env, out: output.path } };
      return { name: draft.name, derivation, drvPath, outPath: output.path, moduloHash, aterm };
    },
  };
}

function entriesOf(input: SealedDerivation): InputEntries {
  const known = inputEntries.get(input);
  if (known !== undefined) return known;
  const entries = {
    byPath: inputEntry(input.drvPath, onlyOut),
    byModuloHash: inputEntry(input.moduloHash, onlyOut),
  };
  inputEntries.set(input, entries);
  return entries;
}
