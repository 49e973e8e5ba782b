/** What the Nix daemon did not show to a builder, and why; null: nobody has said. After the word "without". */
export function withoutMounts(what: 'mounts' | 'views', reason: string | null): string {
  const why = reason ?? 'it has asked no hook for them (`drydock nix install-hook` installs one, once)';
  return `${what === 'mounts' ? 'incremental state' : 'the files at their real paths'}: ${why}`;
}
