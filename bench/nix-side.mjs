// A side whose builds are those of the machine's ordinary user.
import { existsSync, rmSync } from 'node:fs';
import * as path from 'node:path';
import { measure } from './measure.mjs';
import { Side } from './side.mjs';

export class UserSide extends Side {
  constructor(name, machine, project, command, edit) {
    super(name, path.join(machine.home, name), project, command, edit);
    this.machine = machine;
  }

  /** A fresh checkout, and for drydock a store that has nothing but the toolchain. */
  reset() {
    super.reset();
    if (this.name !== 'drydock') return;
    for (const kept of ['.local', '.cache'])
      rmSync(path.join(this.machine.home, kept), { recursive: true, force: true });
    this.machine.collect();
  }

  checkOut(to) {
    super.checkOut(to);
    this.machine.own(this.place);
  }

  build({ checkout = this.checkout, command = this.command, compiled } = {}) {
    const { environment: env, user } = this.machine;
    return measure(command, { cwd: checkout, env, user, compiled });
  }

  /** Runs a command of drydock's. */
  drydock(...words) {
    return this.build({ command: [...this.machine.drydock, ...words] });
  }

  /** Writes the export where there is none, and builds it once: what is measured is warm. */
  async export(serial) {
    if (existsSync(path.join(this.checkout, 'nix/default.nix'))) return;
    await this.drydock('export', 'nix', '--offline');
    this.write(this.edit.with(`${serial}-warm`));
    await this.plainCommand();
  }

  /** The command of the export, under `drydock mount`; it says what runs, not what it compiles. */
  plainCommand() {
    const nix = ['nix', 'build', '--file', 'nix/cargo_build_caller.nix', 'target', '-L'];
    return this.build({ command: [...this.machine.drydock, 'mount', '--', ...nix], compiled: /@drydock running/g });
  }
}
