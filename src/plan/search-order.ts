/** Where programs are looked up: the directories of Nix's tools and the host's, in the order of the caller's `PATH`. */
import * as path from 'node:path';
import { hostPath } from './draft.ts';
import type { NixTool } from './nix-tools.ts';

/** A program of the machine's Nix store. */
export interface Found {
  /** As `PATH` leads to it. */
  readonly file: string;
  readonly tool: NixTool;
}

/** The directories of these tools, before or after the host's as the caller's `PATH` has them. */
export function inCallersOrder(
  found: readonly Found[],
  environment: Readonly<Record<string, string>>,
): readonly string[] {
  const order = (environment['PATH'] ?? '').split(path.delimiter);
  const host = order.findIndex((directory) => hostPath.includes(directory));
  const places = found
    .map(({ file, tool }) => ({ at: order.indexOf(path.dirname(file)), directory: path.dirname(tool.file) }))
    .sort((one, other) => one.at - other.at);
  const before = places.filter(({ at }) => host === -1 || at < host).map(({ directory }) => directory);
  return [...new Set([...before, ...hostPath, ...places.map(({ directory }) => directory)])];
}
