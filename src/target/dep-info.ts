/** rustc's dep-info files (`.d`): Make rules, and the variables that were read as `# env-dep:` comments. */

export interface DepInfo {
  /** Files of the first rule, in its order, as written (relative to rustc's working directory). */
  readonly files: readonly string[];
  /** Variables that the unit reads; null: was not set, and must not be. */
  readonly env: readonly (readonly [name: string, value: string | null])[];
}

const envPrefix = '# env-dep:';

/** Parses a dep-info file. Lines that are not understood are skipped, as cargo does. */
export function parseDepInfo(text: string): DepInfo {
  const env: [string, string | null][] = [];
  let files: string[] | null = null;
  for (const line of text.split('\n')) {
    if (line.startsWith(envPrefix)) {
      const [name, value] = splitEnv(line);
      env.push([name, value]);
    } else if (files === null && !line.startsWith('#')) {
      const at = line.indexOf(': ');
      if (at >= 0) files = splitNames(line.slice(at + 2));
    }
  }
  return { files: files ?? [], env };
}

/** The file with every path (targets, files, values of variables) put through `map`. */
export function translateDepInfo(text: string, map: (path: string) => string): string {
  return text
    .split('\n')
    .map((line) => {
      if (line.startsWith(envPrefix)) {
        const [name, value] = splitEnv(line);
        return value === null ? line : `${envPrefix}${escapeEnv(name)}=${escapeEnv(map(value))}`;
      }
      if (line === '' || line.startsWith('#')) return line;
      const at = line.indexOf(': ');
      if (at >= 0) {
        const names = splitNames(line.slice(at + 2)).map((name) => escapeName(map(name)));
        return `${map(line.slice(0, at))}: ${names.join(' ')}`;
      }
      if (!line.endsWith(':')) return line;
      return `${escapeName(map(splitNames(line.slice(0, -1)).join(' ')))}:`;
    })
    .join('\n');
}

/** One rule, as cargo writes it beside an uplifted output. */
export function renderRule(target: string, files: readonly string[]): string {
  return `${[`${escapeName(target)}:`, ...files.map(escapeName)].join(' ')}\n`;
}

/** Spaces in names are written as `\ `. */
function escapeName(name: string): string {
  return name.replaceAll(' ', String.raw`\ `);
}

function splitNames(text: string): string[] {
  const names: string[] = [];
  let open: string | null = null;
  for (const word of text.split(/\s+/)) {
    if (word === '') continue;
    const whole: string = open === null ? word : `${open} ${word}`;
    if (whole.endsWith('\\')) open = whole.slice(0, -1);
    else {
      names.push(whole);
      open = null;
    }
  }
  return names;
}

function splitEnv(line: string): [name: string, value: string | null] {
  const text = line.slice(envPrefix.length);
  const at = text.indexOf('=');
  return at < 0 ? [unescapeEnv(text), null] : [unescapeEnv(text.slice(0, at)), unescapeEnv(text.slice(at + 1))];
}

function unescapeEnv(text: string): string {
  return text.replace(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char === 'r' ? '\r' : char));
}

function escapeEnv(text: string): string {
  return text.replaceAll('\\', String.raw`\\`).replaceAll('\n', String.raw`\n`).replaceAll('\r', String.raw`\r`);
}
