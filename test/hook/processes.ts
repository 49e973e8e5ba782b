/** Processes of the hook, and what they may do. */
import { readFileSync, readdirSync } from 'node:fs';
import { expect } from 'vitest';

/** Of the hook that looks at the derivation, or stays while it is built. */
export function processesOf(drv: string): readonly { readonly pid: number; readonly uid: number }[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      if (words[0]?.endsWith('/drydock-hook') !== true || !words.includes(drv)) return [];
      const [uid] = rightsOf(Number(pid))['Uid'] ?? [];
      return [{ pid: Number(pid), uid: Number(uid) }];
    } catch {
      return [];
    }
  });
}

/** Waits for the hook's process of that user. */
export async function found(drv: string, uid: number): Promise<number> {
  const its = () => processesOf(drv).find((one) => one.uid === uid)?.pid;
  await expect.poll(its, { timeout: 10_000, interval: 5 }).toBeDefined();
  return its() ?? 0;
}

/** Words of those lines of /proc/PID/status that tell the rights of a process. */
export function rightsOf(pid: number): Readonly<Record<string, readonly string[]>> {
  const lines = readFileSync(`/proc/${pid}/status`, 'utf8').split('\n');
  const wanted = /^(Uid|Gid|Groups|CapInh|CapPrm|CapEff|CapAmb):/;
  const words = lines.filter((line) => wanted.test(line)).map((line) => line.split(/[:\s]+/).filter(Boolean));
  return Object.fromEntries(words.map(([name = '', ...rest]) => [name, rest]));
}

/** What `rightsOf` answers of a process of that user that has no other right. */
export function without(uid: number): Readonly<Record<string, readonly string[]>> {
  const none = ['0000000000000000'];
  const nobody = Array.from({ length: 4 }, () => '65534');
  const capabilities = { CapInh: none, CapPrm: none, CapEff: none, CapAmb: none };
  return { Uid: nobody.map(() => `${uid}`), Gid: nobody, Groups: [], ...capabilities };
}
