/** A short question to another program, where the answer is needed before anything else can go on. */
import { spawnSync } from 'node:child_process';

/** Standard output; null: the program could not be started or failed. Its messages are dropped. */
export function runNow(program: string, args: readonly string[], env: Readonly<Record<string, string>>): Buffer | null {
  const ended = spawnSync(program, args, { env, stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 28 });
  return ended.status === 0 ? ended.stdout : null;
}
