/** What a builder left that is no output, as the reason of a failure. */
import type { NotUtf8 } from '../nix/nar-grammar.ts';
import type { RefusalReason } from '../store/types.ts';
import type { FailureReason } from './types.ts';

const nameNotUtf8 = 'has a name that is not UTF-8';
const targetNotUtf8 = 'is a symlink to a name that is not UTF-8';

/** `type`: where a store does not say which. */
type Refused = RefusalReason | 'type';

const refusals: Readonly<Record<Refused, string>> = {
  socket: 'is a socket',
  fifo: 'is a named pipe',
  device: 'is a device',
  'set-id': 'is set-user-id or set-group-id',
  'name-not-utf8': nameNotUtf8,
  'target-not-utf8': targetNotUtf8,
  'not-a-directory': 'is no directory',
  type: 'is neither a file nor a directory nor a symlink',
};

/** A store does not take it. `file`: in the output; empty: the output itself. */
export function unkeepable(file: string, why: Refused): FailureReason {
  const message = `what was made cannot be kept in the store: ${file === '' ? 'it' : file} ${refusals[why]}`;
  return { kind: 'input', code: 'D0506', message };
}

/** A Nix store has it, and nobody here can name it. */
export function unusable({ what, path }: NotUtf8): FailureReason {
  const message = `what was made cannot be used: ${path} ${what === 'name' ? nameNotUtf8 : targetNotUtf8}`;
  return { kind: 'input', code: 'D0506', message };
}
