/** Every command by its name. */
import type { Invocation } from '../cargo/types.ts';
import { bench, build, check, run, test } from './verbs.ts';
import { doctor } from './doctor/doctor.ts';
import { explain } from './explain.ts';
import { exportNix } from './export.ts';
import { gc } from './gc.ts';
import { mount } from './mount.ts';
import { nix } from './nix.ts';
import { plan } from './plan.ts';
import { showDerivation } from './show-derivation.ts';
import { store } from './store.ts';
import { withoutVerb } from './without-verb.ts';
import type { Host } from './host.ts';

type Command = (invocation: Invocation, host: Host) => Promise<number>;

export const commands: Readonly<Record<string, Command>> = {
  build,
  check,
  run,
  test,
  bench,
  plan,
  'show-derivation': showDerivation,
  explain,
  export: exportNix,
  gc,
  store,
  mount: (_, host) => mount(host),
  nix: (_, host) => nix(host),
  doctor: () => doctor(),
  '': withoutVerb,
};
