export type Row = 'all' | ReadonlyMap<string, 'values' | 'types'>;
export interface Import {
  readonly name: string;
  readonly types: boolean;
  readonly line: number;
}
export function readTable(text: string): ReadonlyMap<string, Row>;
export function readImports(text: string): readonly Import[];
export function judge(table: ReadonlyMap<string, Row>, room: string | null, file: string, found: Import): string | null;
