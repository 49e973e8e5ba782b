/** What a program says of its version. */
import { run } from '../../sys/run.ts';

/** The first line that a program says of itself and the version in it, or why it says nothing. */
export async function versionOf(
  program: string,
  args: readonly string[],
): Promise<{ line: string; number: string } | { why: string }> {
  const ended = await run(program, args);
  if (ended.startError?.code === 'ENOENT') return { why: `there is no ${program} on PATH` };
  const firstLine = (text: Buffer): string => text.toString().trim().split('\n')[0] ?? '';
  if (ended.code !== 0) {
    return { why: `${program} does not run: ${ended.startError?.message ?? firstLine(ended.stderr)}` };
  }
  const line = firstLine(ended.stdout);
  return { line, number: /\d+\.\d+(\.\d+)?/.exec(line)?.[0] ?? '0.0' };
}
