// What is measured of the Nix engine; see rows.mjs. A row that is drydock's `own` and names no row of cargo's has no ratio.
import * as path from 'node:path';
import { edited, rowsNamed } from './rows.mjs';

export const NIX_ROWS = [
  ...rowsNamed({ clean: '<= 1.5', noop: '<= 1.0', first: '', edit: '<= 1.25' }),
  {
    name: 'unmounted',
    title: 'edit without the mount',
    goal: 'shown',
    own: true,
    against: 'edit',
    compiles: true,
    step: async (side, serial) => {
      side.machine.allowMounts(false);
      try {
        return await edited(side, serial);
      } finally {
        side.machine.allowMounts(true);
      }
    },
  },
  {
    name: 'plan',
    title: 'plan of all units',
    goal: '<= 0.3 s',
    own: true,
    samples: 5,
    step: (side) => side.drydock('plan', '--offline'),
  },
  {
    name: 'evaluation',
    title: 'evaluation of the export',
    goal: '<= 1 s',
    own: true,
    samples: 5,
    step: async (side, serial) => {
      await side.export(serial);
      return side.build({ command: ['nix-instantiate', path.join(side.checkout, 'nix/default.nix')] });
    },
  },
  {
    name: 'plain',
    title: 'the plain command on the export, with the mount, edit',
    goal: '<= 1.35',
    own: true,
    against: 'edit',
    compiles: true,
    step: async (side, serial) => {
      await side.export(serial);
      side.write(side.edit.with(serial));
      const measured = await side.plainCommand();
      // The next row finds the checkout built.
      await side.build();
      return measured;
    },
  },
];
