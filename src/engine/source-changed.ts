/** What is said of a source that is no longer what the plan hashed. */
import type { FailureReason, SourceInput } from './types.ts';

/** D0304, with the place of the source. */
export function sourceChanged(source: SourceInput): FailureReason {
  const message = `a source changed after the build was planned: ${describe(source)}`;
  return { kind: 'input', code: 'D0304', message };
}

function describe(source: SourceInput): string {
  switch (source.kind) {
    case 'file':
    case 'host-directory':
      return source.from;
    case 'text':
    case 'store-path':
      return source.path;
    case 'tree': {
      const [first] = source.files.values();
      return `${first ?? source.path}${source.files.size > 1 ? ` or one of ${source.files.size - 1} more files` : ''}`;
    }
  }
}
