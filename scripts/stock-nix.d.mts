export const versionsDirectory: string;
export function installNix(version: string, directory?: string): string;
