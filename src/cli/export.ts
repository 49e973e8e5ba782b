/** `drydock export nix`: the plan as Nix expressions, which stock Nix builds to the same paths. */
import * as path from 'node:path';
import type { Invocation } from '../cargo/types.ts';
import { exportPlan } from '../export/export.ts';
import { writeExport } from '../export/write.ts';
import { UserError } from '../sys/errors.ts';
import type { Host } from './host.ts';
import { prepare } from './prepare.ts';
import { askedAsBuild } from './words.ts';

export async function exportNix(asked: Invocation, host: Host): Promise<number> {
  const { out, rest } = takeOut(asked.cargoArguments);
  const { invocation, words } = askedAsBuild({ ...asked, cargoArguments: rest }, []);
  const [format, extra] = words;
  if (format !== 'nix' || extra !== undefined || out === '') {
    throw new UserError(
      'D0806',
      `\`drydock export\` does not know ${format === undefined ? 'what to write' : `\`${words.join(' ')}\``}`,
      'run `drydock export nix [--out DIRECTORY]`, with the options of `drydock build`',
    );
  }
  const pure = await prepare({ ...invocation, pure: true }, host.environment, host.signal);
  if (!pure.ok) return pure.failure.exitCode;
  const dev = await prepare({ ...invocation, pure: false }, host.environment, host.signal);
  if (!dev.ok) return dev.failure.exitCode;
  const { workspace } = pure.value;
  const directory = out === null ? path.join(workspace.root, 'nix') : path.resolve(invocation.cwd, out);
  const exported = exportPlan({
    workspace,
    pure: pure.value.session.plan,
    dev: dev.value.session.plan,
    out: directory,
  });
  const { changed, removed } = writeExport(exported, directory);
  const { stderr } = host.terminal;
  for (const note of exported.notes) stderr.write(`note: ${note}\n`);
  const told = path.relative(invocation.cwd, directory) || '.';
  stderr.write(`${told}: ${exported.files.size} files, ${changed} written, ${removed} removed\n`);
  return 0;
}

/** `--out DIR` and `--out=DIR`; the empty text where the value is missing. */
function takeOut(words: readonly string[]): { out: string | null; rest: readonly string[] } {
  const rest: string[] = [];
  let out: string | null = null;
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    if (word === '--out') out = words[++at] ?? '';
    else if (word.startsWith('--out=')) out = word.slice('--out='.length);
    else rest.push(word);
  }
  return { out, rest };
}
