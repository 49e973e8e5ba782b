/** The one line of nix.conf that names the hook. */

const comment = '# Cache mounts (drydock nix install-hook)';
const setting = /^[ \t]*pre-build-hook[ \t]*=[ \t]*(.*?)[ \t]*(?:#.*)?$/;

export type Edit =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'changed'; readonly text: string }
  /** The line is somebody else's. */
  | { readonly kind: 'taken'; readonly by: string };

/** nix.conf with the hook. */
export function withHook(text: string, program: string): Edit {
  const others = text.split('\n').flatMap((line) => setting.exec(line)?.[1] ?? []);
  const last = others.filter((value) => value !== '').at(-1);
  if (last === program) return { kind: 'unchanged' };
  if (last !== undefined) return { kind: 'taken', by: last };
  const start = text === '' || text.endsWith('\n') ? text : `${text}\n`;
  return { kind: 'changed', text: `${start}${comment}\npre-build-hook = ${program}\n` };
}

/** nix.conf without this hook; anything else stays, to the byte. */
export function withoutHook(text: string, program: string): Edit {
  const lines = text.split('\n');
  const kept = lines.filter((line, index) => {
    if (setting.exec(line)?.[1] === program) return false;
    return !(line === comment && setting.exec(lines[index + 1] ?? '')?.[1] === program);
  });
  return kept.length === lines.length ? { kind: 'unchanged' } : { kind: 'changed', text: kept.join('\n') };
}
