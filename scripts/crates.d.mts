export function fetchCrates(packages: readonly (readonly [name: string, version: string])[], scratch: string): string[];
export function unpackCrate(archive: string, place: string): void;
