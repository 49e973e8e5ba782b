// One of the two programs that are compared, with a checkout, a second checkout and (drydock) a store of its own.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { measure } from './measure.mjs';
import { removeTree } from '../scripts/remove.mjs';

export class Side {
  /** `command` builds when it is run in a checkout. */
  constructor(name, place, project, command, edit) {
    this.name = name;
    this.place = place;
    this.project = project;
    this.command = command;
    this.edit = edit;
    this.checkout = path.join(place, 'first');
  }

  /** A fresh checkout without anything built, and an empty store. */
  reset() {
    removeTree(this.place);
    this.checkOut(this.checkout);
    // The file system works on after many files were removed, and one side has a store to remove: not while it is measured.
    execFileSync('sync');
  }

  checkOut(to) {
    mkdirSync(path.dirname(to), { recursive: true });
    const tree = (from) => path.relative(this.project, from) !== 'target';
    cpSync(this.project, to, { recursive: true, filter: tree, preserveTimestamps: false });
    this.write(this.edit.with('0'), to);
  }

  /** Puts `text` in the place of the line that is edited. */
  write(text, checkout = this.checkout) {
    const { file, line } = this.edit;
    const original = readFileSync(path.join(this.project, file), 'utf8');
    const found = original.split(line).length - 1;
    if (found !== 1) throw new Error(`${file}: the line to edit is there ${found} times: ${line}`);
    writeFileSync(
      path.join(checkout, file),
      original.replace(line, () => text),
    );
  }

  /** As `cargo clean`. */
  clean() {
    rmSync(path.join(this.checkout, 'target'), { recursive: true, force: true });
    execFileSync('sync');
  }

  dropIncremental() {
    const state = path.join(this.checkout, 'target/debug/incremental');
    // Renamed first: what is measured next must not wait for the deletion of many files.
    if (existsSync(state)) renameSync(state, `${this.place}/dropped`);
    rmSync(`${this.place}/dropped`, { recursive: true, force: true });
  }

  build({ checkout = this.checkout, sandbox = true } = {}) {
    const env = {
      ...process.env,
      // The programs themselves: behind rustup's proxy a package's own `rust-toolchain` file could choose another rustc.
      PATH: `${path.join(sysroot(), 'bin')}:${process.env.PATH}`,
      XDG_DATA_HOME: path.join(this.place, 'data'),
      XDG_CACHE_HOME: path.join(this.place, 'cache'),
      XDG_STATE_HOME: path.join(this.place, 'state'),
      DRYDOCK_STORE: path.join(this.place, 'store'),
    };
    for (const name of Object.keys(env))
      if (/^(npm_|CARGO_(BUILD_)?TARGET_DIR$|CARGO_INCREMENTAL$)/.test(name)) delete env[name];
    if (!sandbox) env.DRYDOCK_SANDBOX = 'off';
    return measure(this.command, { cwd: checkout, env });
  }
}

function sysroot() {
  return execFileSync('rustc', ['--print', 'sysroot'], { encoding: 'utf8' }).trim();
}
