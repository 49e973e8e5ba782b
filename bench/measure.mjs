// One measured build: wall time, peak memory of the started process itself, what was compiled.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Kept of a failing build's output. */
const TAIL = 4000;

/**
 * Runs a build to its end. `peak`: VmHWM of the process, in bytes, read every few milliseconds; the kernel only ever
 * raises it, so the last reading misses at most what happened after it. `user`: who runs it; `compiled`: what stderr says for
 * each thing that is compiled. Rejects when the build fails.
 */
export function measure(command, { cwd, env, user = {}, compiled = /^\s*Compiling /gm }) {
  return new Promise((resolve, reject) => {
    const [program, ...args] = command;
    const started = performance.now();
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'ignore', 'pipe'], ...user });
    let text = '';
    let peak = highWater(child.pid);
    child.stderr.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    const watch = setInterval(() => {
      peak = Math.max(peak, highWater(child.pid));
    }, 20);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const seconds = (performance.now() - started) / 1000;
      clearInterval(watch);
      if (code !== 0)
        reject(new Error(`${command.join(' ')} in ${cwd}: ${signal ?? `exit code ${code}`}\n${text.slice(-TAIL)}`));
      else resolve({ seconds, peak, compiled: text.match(compiled)?.length ?? 0 });
    });
  });
}

function highWater(pid) {
  try {
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
