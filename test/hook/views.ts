/** Views: inputs of a derivation at further places of its sandbox. What the hook shows, and what it refuses. */
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Launch } from '../daemon/daemon.ts';
import { viewing } from './expressions.ts';
import { callerOf, grantText, instantiate, put, realise } from './forging.ts';
import { type Lab, type User, installHook, mkdirAs, openLab, outputText, writeAs } from './support.ts';

/** Where the administrator shows a file of the host in every sandbox. */
const shownFile = '/shown-by-administrator/seen';

export function viewSuite(launch?: Launch): void {
  let lab: Lab;
  let alice: User;
  let bob: User;
  let number = 0;

  beforeAll(async () => {
    lab = await openLab(launch, [`extra-sandbox-paths = ${shownFile}=/etc/passwd`]);
    [alice, bob] = lab.users;
    for (const user of lab.users) {
      writeAs(user, 'viewing.nix', viewing);
      writeAs(user, 'sources/seen', 'sources\n');
    }
    await installHook(lab);
  });
  afterAll(() => lab.remove());

  const own = (name: string) => path.join(alice.home, name);

  /** The output, and the lines of the hook in the daemon's log. */
  async function told(drv: string, user: User) {
    const { text, said } = await realise(lab, user, drv);
    return { text, said: said.replace(/^(?!drydock: ).*\n/gm, '') };
  }

  /** Builds with views, under an honest grant of Alice's unless another is given. */
  async function build(
    views: Readonly<Record<string, string>> | string,
    { places = [], mount = '', granted = true }: { places?: readonly string[]; mount?: string; granted?: boolean } = {},
  ) {
    const text = typeof views === 'string' ? views : JSON.stringify(views);
    const shown = places.length > 0 || typeof views === 'string' ? places : Object.keys(views);
    const caller = callerOf(alice);
    const values = { salt: `${path.basename(lab.prefix)}-${number++}`, views: text, places: shown.join(':'), mount };
    const drv = await instantiate(lab, alice, 'viewing.nix', caller, values);
    const lines = mount === '' ? [] : [{ directory: mkdirAs(alice, `mounts/${number++}`) }];
    if (granted) put(alice, caller, drv, grantText(drv, caller, lines));
    return told(drv, alice);
  }

  test('outputs and sources are seen, and cannot be written', async () => {
    const project = mkdirAs(alice, 'project');
    writeAs(alice, 'project/seen', 'on disk\n');
    const { text, said } = await build({
      '/seen/made': '@made@',
      '/seen/sources': '@sources@',
      [project]: '@sources@',
    });
    expect([text, said]).toEqual(['made\nsources\nsources\n', '']);
    expect(readFileSync(path.join(project, 'seen'), 'utf8')).toBe('on disk\n');
    const spaced = mkdirAs(alice, 'a project of ours, ü');
    expect((await build({ [spaced]: '@sources@' })).text).toBe('sources\n');
    expect((await build({ '/seen': '@made@' }, { mount: '/cache' })).text).toBe('made\n');
  });

  test('`drydock mount` grants them to what has no mount', async () => {
    const words = [
      '--argstr',
      'salt',
      'plain',
      '--argstr',
      'places',
      '/seen',
      '--argstr',
      'views',
      '{"/seen":"@made@"}',
    ];
    const ran = await lab.drydock(alice, 'mount', '--', 'nix-build', '--no-out-link', 'viewing.nix', ...words);
    expect(outputText(lab, ran)).toBe('made\n');
  });

  test('nothing without a grant, nor under somebody else’s', async () => {
    const without = await build({ '/seen': '@made@' }, { granted: false });
    expect([without.text, without.said]).toEqual(['none\n', expect.stringContaining(`no grant of uid ${alice.uid}`)]);
    const caller = callerOf(alice);
    const values = { salt: 'copied', views: '{"/seen":"@made@"}', places: '/seen' };
    const drv = await instantiate(lab, bob, 'viewing.nix', caller, values);
    const forged = await told(drv, bob);
    expect([forged.text, forged.said]).toEqual(['none\n', expect.stringContaining('no grant of uid')]);
  });

  describe('places', () => {
    test.each([
      ...['/nix/seen', '/nix/store', '/etc', '/etc/seen', '/build', '/build/seen', '/proc/self', '/dev/shm', '/sys'],
      ...['/bin', '/lib', '/boot', ...['usr', 'lib64', 'run', 'root'].map((top) => `/${top}/seen`)],
    ])('a part of the sandbox: %s', async (place) => {
      const { text, said } = await build({ [place]: '@made@' });
      expect([text, said]).toEqual(['none\n', expect.stringContaining('would cover a part of the sandbox')]);
    });

    test.each(['seen', '', '/', '//seen', '/seen/', '/seen/../etc', '/./seen', '/seen=/etc', '/seen?'])(
      'not a plain path: %j',
      async (place) => {
        const { text, said } = await build({ [place]: '@made@' }, { places: ['/seen'] });
        expect([text, said]).toEqual(['none\n', expect.stringContaining('no view for')]);
      },
    );

    test.each([
      '{"/se\\nen":"@made@"}',
      '{"/se\nen":"@made@"}',
      '{"/seen":"@made@"',
      '[]',
      '{"/seen":1}',
      '{} {}',
      'x',
    ])('not a declaration: %j', async (views) => {
      const { text, said } = await build(views, { places: ['/seen'] });
      expect([text, said]).toEqual(['none\n', expect.stringContaining('no view for')]);
    });

    test('directories of the host that are not the owner’s, files, and ways through links', async () => {
      const theirs = mkdirAs(bob, 'theirs');
      const file = writeAs(alice, 'a-file', '');
      symlinkSync(mkdirAs(alice, 'linked'), own('link'));
      const refused = [theirs, '/opt', '/var/tmp', '/tmp', '/home', '/opt/missing', own('missing'), file, own('link')];
      for (const place of [...refused, own('link/inner')]) {
        const { text, said } = await build({ [place]: '@made@' });
        expect([text, said], place).toEqual(['none\n', expect.stringContaining('no view for')]);
      }
    });

    test('places that cover each other, or a mount', async () => {
      const nested = await build({ '/seen': '@made@', '/seen/in': '@sources@' });
      expect([nested.text, nested.said]).toEqual(['made\nnone\n', expect.stringContaining('cover each other')]);
      for (const place of ['/cache', '/cache/in']) {
        const { text, said } = await build({ [place]: '@made@' }, { mount: '/cache' });
        expect([text.includes('made'), said]).toEqual([false, expect.stringContaining('cover each other')]);
      }
    });

    test('a refused view takes nothing from the mount or from other views', async () => {
      const { text, said } = await build({ '/etc/x': '@made@', '/seen': '@made@' }, { mount: '/cache' });
      expect([text, said]).toEqual(['none\nmade\n', expect.stringMatching(/^drydock: no view for .*\n$/)]);
    });

    test('what the administrator shows below a view is not made in the store', async () => {
      const place = path.dirname(shownFile);
      await expect(build({ [place]: '@made@' })).rejects.toThrow(/Read-only file system/);
      // The daemon would have emptied the file of that name.
      expect((await build({ '/seen': '@made@' })).text).toBe('made\n');
    });

    test('the administrator’s limits', async () => {
      const project = mkdirAs(alice, 'limited');
      writeFileSync(lab.limits, 'paths = /srv/**\n');
      const { text, said } = await build({ [project]: '@made@', '/seen': '@made@' });
      expect([text, said]).toEqual(['none\nmade\n', expect.stringContaining('limits do not allow')]);
      writeFileSync(lab.limits, `users = ${bob.name}\n`);
      expect((await build({ '/seen': '@made@' })).text).toBe('none\n');
      writeFileSync(lab.limits, '');
    });
  });

  test.each([
    ...[
      '@other@',
      '/nix/store',
      '/nix/store/..',
      '/nix/store/../../etc',
      '/etc',
      '@made@/',
      '@made@/etc',
      '@made@/seen',
    ],
    ...['@link@', '@text@', '@sources@?', 'sources', ''],
  ])('what is no input, or no directory: %j', async (source) => {
    const { text, said } = await build({ '/seen': source });
    expect([text, said]).toEqual(['none\n', expect.stringContaining('no view for')]);
  });

  test('very many views', async () => {
    const many = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [`/seen/${at}`, '@made@']));
    const places = ['/seen/0', '/seen/399'];
    expect((await build(many(400), { places })).text).toBe('made\nmade\n');
    const { text, said } = await build(many(5000), { places });
    expect([text, said]).toEqual(['none\nnone\n', expect.stringContaining('too many views')]);
  });
}
