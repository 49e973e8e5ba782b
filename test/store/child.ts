/**
 * A process that works on a store, for tests that need several of them, or one that dies.
 * Arguments: root, command, then what the command takes. Prints a JSON value a line.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StorePath } from '../../src/nix/types.ts';
import { openStore } from '../../src/store/store.ts';
import { UserError } from '../../src/sys/errors.ts';
import { anyOutput, build, fileSource, textSource, treeSource } from './sources.ts';

const [, , root = '', command = '', ...rest] = process.argv;
const say = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`);

try {
  const store = await openStore(root);
  switch (command) {
    case 'build': {
      // Builds one output, ending when the file `go` exists, unless it is there.
      const [name = '', go = '/'] = rest;
      const output = anyOutput(name);
      const held = await store.lockOutput(output, { onWait: () => say('waiting') });
      if (store.valid([output]).size > 0) say('found');
      else {
        const handle = await store.prepareOutput(output);
        say('building');
        writeFileSync(path.join(handle.directory, 'a'), `made by ${process.pid}`);
        while (!existsSync(go)) await sleep(10);
        await store.commitOutput(handle, { lane: 'dev', candidates: [], deriver: null });
        say('built');
      }
      held.release();
      await store.close();
      break;
    }
    case 'add': {
      // Adds the same things as everybody else, in another order, and tells whether they are valid afterwards.
      const [directory = '', seed = '0'] = rest;
      const sources = Array.from({ length: 30 }, (_, index) => source(path.join(directory, seed), index));
      sources.sort(
        (left, right) => ((left.index * 7 + Number(seed) * 11) % 30) - ((right.index * 7 + Number(seed) * 11) % 30),
      );
      for (const { input } of sources) {
        await store.addSource(input);
        if (store.valid([input.path]).size === 0) say(`not valid: ${input.path}`);
      }
      say('done');
      await store.close();
      break;
    }
    case 'forever': {
      // Adds, builds and damages until it is killed; says what is valid only once it is.
      const [directory = '', seed = '0'] = rest;
      for (let index = 0; ; index++) {
        const { input } = source(path.join(directory, seed), index);
        await store.addSource(input);
        const output = anyOutput(`out-${index % 20}`);
        await build(store, output, index % 2 === 0 ? 'pure' : 'dev', (out) => {
          mkdirSync(path.join(out, 'deep/er'), { recursive: true });
          for (let file = 0; file < 8; file++)
            writeFileSync(path.join(out, 'deep/er', `${file}`), `${file}`.repeat(10_000));
        });
        say([input.path, output] satisfies StorePath[]);
      }
    }
    case 'hold': {
      await store.hold();
      say('held');
      await sleep(60_000);
      break;
    }
    case 'upkeep': {
      // What an ordinary user does with a store in the course of its life.
      const [directory = ''] = rest;
      for (let index = 0; index < 6; index++) await store.addSource(source(directory, index).input);
      const output = anyOutput('old');
      await build(store, output, 'dev', (out) => {
        mkdirSync(path.join(out, 'a/b'), { recursive: true });
        writeFileSync(path.join(out, 'a/b/c'), 'contents');
      });
      await build(store, output, 'dev', (out) => writeFileSync(path.join(out, 'd'), 'again'));
      const valid = store.valid([output]).size;
      const collected = await store.collect({ budgetBytes: 0 });
      say({ valid, collected, left: store.valid([output]).size, size: store.size(), corrupt: await store.verify() });
      await store.close();
      break;
    }
    default:
      throw new Error(`unknown command ${command}`);
  }
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  say({ code: error.code, seen: error.seen });
}

function source(directory: string, index: number) {
  const text = `text ${index} ${'.'.repeat((index % 7) * 1000)}`;
  mkdirSync(directory, { recursive: true });
  if (index % 3 === 0) return { index, input: textSource(`text-${index}`, text) };
  if (index % 3 === 1) {
    const from = path.join(directory, `file-${index}`);
    writeFileSync(from, text);
    return { index, input: fileSource(from, text) };
  }
  return { index, input: treeSource(path.join(directory, `tree-${index}`), { 'a/b/c': text, d: 'd', 'a/e': '' }) };
}
