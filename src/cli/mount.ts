/** `drydock mount -- COMMAND` runs a command of Nix that builds, with the caller's cache mounts. */
import * as path from 'node:path';
import { UserError } from '../sys/errors.ts';
import type { Host } from './host.ts';
import { mountAround } from './mount-around.ts';

/** Exit code: that of the command. */
export async function mount(host: Host): Promise<number> {
  const words = host.argv.slice(host.argv.indexOf('mount') + 1);
  const end = words.indexOf('--');
  const command = end < 0 ? [] : words.slice(end + 1);
  if (command.length === 0) {
    throw new UserError(
      'D0807',
      '`drydock mount` has no command to run',
      'drydock mount [--dir ID=DIR] -- nix build …',
    );
  }
  const directories = new Map<string, string>();
  const options = words.slice(0, end);
  for (let i = 0; i < options.length; i++) {
    const text = options[i] === '--dir' ? options[++i] : /^--dir=(.*)$/s.exec(options[i] ?? '')?.[1];
    const [, id, directory] = /^([^=]+)=(.+)$/s.exec(text ?? '') ?? [];
    if (id === undefined || directory === undefined) {
      throw new UserError(
        'D0807',
        `\`drydock mount\` does not know ${options[i]}`,
        'write --dir ID=DIR before the `--`',
      );
    }
    directories.set(id, path.resolve(host.cwd, directory));
  }
  return (await mountAround({ command, directories, quiet: false }, host)).code;
}
