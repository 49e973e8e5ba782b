/** The one line of nix.conf that names the hook. */

const comment = '# Cache mounts (drydock nix install-hook)';
const setting = /^[ \t]*pre-build-hook[ \t]*=[ \t]*(.*?)[ \t]*(?:#.*)?$/;

/** The program that nix.conf names as the hook; null: none. */
export function hookIn(text: string): string | null {
  const values = text.split('\n').flatMap((line) => setting.exec(line)?.[1] ?? []);
  return values.filter((value) => value !== '').at(-1) ?? null;
}

export type Edit =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'changed'; readonly text: string }
  /** The line is somebody else's. */
  | { readonly kind: 'taken'; readonly by: string };

/** nix.conf with the hook. */
export function withHook(text: string, program: string): Edit {
  const last = hookIn(text);
  if (last === program) return { kind: 'unchanged' };
  if (last !== null) return { kind: 'taken', by: last };
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
