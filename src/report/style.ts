/** Colours as cargo uses them (ANSI, the sixteen colours of the terminal's own scheme), and how to take them out. */
export type Style = 'header' | 'error' | 'warning' | 'note' | 'transient';

const esc = '\u001b';
const bel = '\u0007';

const codes: Record<Style, string> = {
  header: `${esc}[1m${esc}[92m`,
  error: `${esc}[1m${esc}[91m`,
  warning: `${esc}[1m${esc}[33m`,
  note: `${esc}[1m${esc}[92m`,
  transient: `${esc}[1m${esc}[96m`,
};

export const reset = `${esc}[0m`;

export function styled(style: Style, text: string): string {
  return `${codes[style]}${text}${reset}`;
}

/** CSI, OSC and two-character escape sequences (ECMA-48). */
const csi = String.raw`\[[0-?]*[ -/]*[@-~]`;
const osc = String.raw`\][^${bel}${esc}]*(?:${bel}|${esc}\\)`;
const escapes = new RegExp(`${esc}(?:${csi}|${osc}|${String.raw`[@-Z\\-_]`})`, 'g');

/** The text without escape sequences. */
export function plain(text: string): string {
  return text.includes(esc) ? text.replace(escapes, '') : text;
}

export function hyperlink(url: string, text: string): string {
  return `${esc}]8;;${url}${esc}\\${text}${esc}]8;;${esc}\\`;
}
