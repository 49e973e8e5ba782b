export function documented(text: string): readonly string[];
export function named(text: string): readonly { readonly code: string; readonly line: number }[];
export function made(text: string): readonly string[];
