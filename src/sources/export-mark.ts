/** How a directory that `drydock export nix` has written is known: no package's files, though git keeps them. */

/** First line of every file of an export: what has it may be replaced and removed by the next one. */
export const exportMark = '# Written by `drydock export nix`; the next export replaces it.\n';

/** The file by which the directory is known. */
export const exportMarkFile = 'drydock.nix';
