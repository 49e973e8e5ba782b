import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDerivation, printDerivation } from '../../src/nix/aterm.ts';
import { printDerivationJson } from '../../src/nix/derivation-json.ts';
import { sha256, sha256ToSri } from '../../src/nix/hash.ts';
import { sealDerivation, sealFixedOutput } from '../../src/nix/seal.ts';
import { sourcePath, textPath } from '../../src/nix/store-path.ts';
import type { Derivation, DerivationDraft, DerivationOutput, DrvPath, SealedDerivation } from '../../src/nix/types.ts';
import { useNix } from './tools.ts';

const nix = useNix();

/** Text as Nix can hold it: no zero byte, no half of a surrogate pair; rich in what ATerm escapes. */
const special = fc.constantFrom(
  '"',
  '\\',
  '\n',
  '\r',
  '\t',
  '$',
  '${',
  "''",
  ' ',
  '\u0001',
  '\b',
  '\f',
  '\u007f',
  'é',
  '\uffee',
  '😀',
  '\\n',
);
const oddText = fc
  .array(fc.oneof(special, fc.string({ maxLength: 4 })), { maxLength: 8 })
  .map((parts) => parts.join(''));
/** `derivation` gives these a meaning; all others are plain variables. */
const reserved =
  /^(args|name|builder|system|out|outputs|outputHash.*|__.*|allowed.*|disallowed.*|exportReferencesGraph|impure.*)$/;
const oddName = fc
  .oneof(fc.constantFrom('__proto__', 'constructor', '10', '9', 'a.b', 'toString'), oddText)
  .filter((name) => name === '__proto__' || !reserved.test(name));

interface Sketch {
  readonly args: readonly string[];
  readonly env: readonly (readonly [string, string])[];
  readonly inputs: readonly number[];
  readonly sources: readonly number[];
}

const sketches = fc.array(
  fc.record<Sketch>({
    args: fc.array(oddText, { maxLength: 4 }),
    env: fc.uniqueArray(fc.tuple(oddName, oddText), { maxLength: 6, selector: ([name]) => name }),
    inputs: fc.array(fc.nat(30), { maxLength: 6 }),
    sources: fc.array(fc.nat(5), { maxLength: 3 }),
  }),
  { minLength: 8, maxLength: 8 },
);

/** A string of the Nix language. */
function literal(text: string): string {
  return `"${text
    .replace(/["\\$]/g, '\\$&')
    .replace(/\n/g, '\\n')
    .replace(/\r/g, '\\r')
    .replace(/\t/g, '\\t')}"`;
}

const sourceText = (index: number): string => `source ${index}`;

/** The sketches in the Nix language, and sealed by us. Each may have those before it as inputs. */
function both(list: readonly Sketch[]): { expression: string; sealed: SealedDerivation[] } {
  const sealed: SealedDerivation[] = [];
  const bindings = list.map((sketch, index) => {
    const inputs = index === 0 ? [] : sketch.inputs.map((input) => input % index);
    const variables = sketch.env.map(([name, value]) => `${literal(name)} = ${literal(value)};`);
    const base = `name = "d${index}"; system = "x86_64-linux"; builder = "/bin/sh"; args = [ ${sketch.args.map(literal).join(' ')} ];`;
    const uses = `_inputs = [ ${inputs.map((input) => `d${input}`).join(' ')} ]; _sources = [ ${sketch.sources
      .map((source) => `(builtins.toFile "s${source}" ${literal(sourceText(source))})`)
      .join(' ')} ];`;
    const inputDrvs = inputs.map((input) => sealed[input]!);
    const inputSrcs = sketch.sources.map((source) => textPath(`s${source}`, sourceText(source)));
    const env = {
      ...Object.fromEntries(sketch.env),
      name: `d${index}`,
      system: 'x86_64-linux',
      builder: '/bin/sh',
      _inputs: inputDrvs.map((input) => input.outPath).join(' '),
      _sources: inputSrcs.join(' '),
    };
    const draft = {
      name: `d${index}`,
      system: 'x86_64-linux',
      builder: '/bin/sh',
      args: sketch.args,
      inputDrvs,
      inputSrcs,
    };
    // Every fourth has a known output: as an input it counts by that alone.
    if (index % 4 === 1) {
      const hash = sha256(`contents ${index}`);
      const method = index % 8 === 1 ? 'nar' : 'flat';
      const mode = method === 'nar' ? 'recursive' : 'flat';
      sealed.push(
        sealFixedOutput({ ...draft, env: { ...env, outputHash: sha256ToSri(hash) } }, { method, sha256: hash }),
      );
      const fixed = `outputHash = "${sha256ToSri(hash)}"; outputHashAlgo = "sha256"; outputHashMode = "${mode}";`;
      return `d${index} = derivation { ${base} ${uses} ${fixed} ${variables.join(' ')} };`;
    }
    sealed.push(sealDerivation({ ...draft, env }));
    return `d${index} = derivation { ${base} ${uses} ${variables.join(' ')} };`;
  });
  return { expression: `let ${bindings.join('\n')} in [ ${list.map((_, index) => `d${index}`).join(' ')} ]`, sealed };
}

describe('derivations are those of nix-instantiate', () => {
  test('graphs with odd texts, fixed outputs, sources: path and bytes of every .drv', () => {
    let round = 0;
    fc.assert(
      fc.property(sketches, (list) => {
        const { expression, sealed } = both(list);
        const file = nix().file(`round-${round++}.nix`, expression);
        const paths = nix().inStore('nix-instantiate', [file]);
        expect(sealed.map((one) => nix().read(one.drvPath).toString())).toEqual(sealed.map((one) => one.aterm));
        expect(sealed.map((one) => one.drvPath)).toEqual(paths);
        for (const one of sealed) {
          expect(printDerivation(one.derivation)).toBe(one.aterm);
          const read = parseDerivation(one.aterm);
          expect(read.ok && printDerivation(read.value)).toBe(one.aterm);
        }
      }),
      { numRuns: 12 },
    );
  });

  test('the output of a chain is what nix-store --query --outputs says', () => {
    const first = sealDerivation(draft('first', {}, []));
    const second = sealDerivation(draft('second', { dep: first.outPath }, [first]));
    const expression = `let base = { system = "x86_64-linux"; builder = "/bin/sh"; };
      first = derivation (base // { name = "first"; });
      in derivation (base // { name = "second"; dep = first; })`;
    const drvPath = nix().inStore('nix-instantiate', ['-E', expression]);
    expect(drvPath).toEqual([second.drvPath]);
    expect(nix().inStore('nix-store', ['--query', '--outputs', ...drvPath])).toEqual([second.outPath]);
    expect(nix().inStore('nix-store', ['--query', '--references', ...drvPath])).toEqual([first.drvPath]);
  });

  test('several outputs are printed and parsed as Nix writes them', () => {
    const expression = `let d = derivation { name = "many"; system = "s"; builder = "b"; outputs = [ "out" "dev" "a-b" ]; };
      in derivation { name = "user"; system = "s"; builder = "b"; inherit (d) dev; two = d."a-b"; }`;
    const [user] = nix().inStore('nix-instantiate', ['-E', expression]);
    const text = nix().read(user!).toString();
    const read = parseDerivation(text);
    if (!read.ok) throw new Error(read.message);
    expect(Object.values(read.value.inputDrvs)).toEqual([['a-b', 'dev']]);
    expect(printDerivation(read.value)).toBe(text);
    const [many] = Object.keys(read.value.inputDrvs);
    const manyText = nix().read(many!).toString();
    const manyRead = parseDerivation(manyText);
    expect(manyRead.ok && Object.keys(manyRead.value.outputs)).toEqual(['a-b', 'dev', 'out']);
    expect(manyRead.ok && printDerivation(manyRead.value)).toBe(manyText);
  });

  test('nix show-derivation prints the same JSON', () => {
    const odd = 'b\u0001\b\f"\\';
    const value = '\t\n\r\u007f😀\\b';
    const hash = sha256('x');
    const source = textPath('s0', sourceText(0));
    const dep = sealFixedOutput(draft('dep', { outputHash: hash, [odd]: value }, []), { method: 'flat', sha256: hash });
    const env = { '10': 'x', '9': 'y', '+': '', dep: dep.outPath, source };
    const one = sealDerivation({ ...draft('one', env, [dep]), inputSrcs: [source], args: ['-c', value] });
    const expression = `let
      base = { system = "x86_64-linux"; builder = "/bin/sh"; };
      fixed = { outputHash = "${hash}"; outputHashAlgo = "sha256"; outputHashMode = "flat"; };
      dep = derivation (base // fixed // { name = "dep"; ${literal(odd)} = ${literal(value)}; });
      source = builtins.toFile "s0" ${literal(sourceText(0))};
      in derivation (base // { name = "one"; args = [ "-c" ${literal(value)} ]; "10" = "x"; "9" = "y"; "+" = ""; inherit dep source; })`;
    expect(nix().inStore('nix-instantiate', ['-E', expression])).toEqual([one.drvPath]);
    for (const sealed of [dep, one]) {
      const printed = `${nix().inStore('nix', ['show-derivation', sealed.drvPath]).join('\n')}\n`;
      const ours = printDerivationJson(sealed.drvPath, sealed.derivation);
      expect(nix().version.startsWith('2.8.') ? ours : essence(ours)).toEqual(
        nix().version.startsWith('2.8.') ? printed : essence(printed),
      );
    }
  });
});

describe('an ATerm', () => {
  const name = fc.stringMatching(/^[a-z]{1,5}$/);
  const storePath = fc.tuple(name, fc.nat(1e6)).map(([one, seed]) => sourcePath(one, sha256(`${seed}`)));
  const drvPath = storePath.map((one) => `${one}.drv` as DrvPath);
  const output: fc.Arbitrary<DerivationOutput> = fc.record({ path: storePath, hashAlgo: oddText, hash: oddText });
  const derivation: fc.Arbitrary<Derivation> = fc.record({
    outputs: fc.dictionary(oddText, output, { maxKeys: 3 }),
    inputDrvs: fc.dictionary(drvPath, fc.uniqueArray(name, { maxLength: 3 }), { maxKeys: 4 }),
    inputSrcs: fc.uniqueArray(storePath, { maxLength: 4 }),
    system: oddText,
    builder: oddText,
    args: fc.array(oddText, { maxLength: 4 }),
    env: fc.dictionary(fc.oneof(fc.constant('__proto__'), oddText), oddText, { maxKeys: 6 }),
  });

  test('is read back as what was printed, whatever the texts are', () => {
    fc.assert(
      fc.property(derivation, (one) => {
        const text = printDerivation(one);
        const read = parseDerivation(text);
        if (!read.ok) throw new Error(`${read.position}: ${read.message}`);
        expect(printDerivation(read.value)).toBe(text);
        expect(read.value.args).toEqual(one.args);
        expect(new Map(Object.entries(read.value.env))).toEqual(new Map(Object.entries(one.env)));
        expect({ ...read.value.outputs }).toEqual({ ...one.outputs });
        expect([...read.value.inputSrcs].toSorted()).toEqual([...one.inputSrcs].toSorted());
      }),
    );
  });

  test('that is cut off anywhere is an error within it', () => {
    const { aterm } = sealDerivation({ ...draft('cut', { a: 'b"c' }, []), args: ['x\\'] });
    for (let length = 0; length < aterm.length; length++) {
      const read = parseDerivation(aterm.slice(0, length));
      expect(!read.ok && read.position <= length).toBe(true);
    }
  });

  test('errors name the place', () => {
    const { aterm } = sealDerivation(draft('place', { twice: '1' }, []));
    const cases: [string, string, RegExp][] = [
      [`${aterm} `, ' ', /after the end/],
      [aterm.replace('/nix/store/', '/other/'), '"/other/', /store path/],
      [aterm.replace('("twice"', '("twice","0"),("twice"'), '("twice","1")', /variable "twice" occurs twice/],
      [aterm.replace('Derive(', 'DrvWithVersion("xp-dyn-drv",'), 'DrvWithVersion', /not supported/],
      [aterm.replace('("out"', '["out"'), '["out"', /expected "\("/],
    ];
    for (const [text, at, message] of cases) {
      const read = parseDerivation(text);
      if (read.ok) throw new Error(`accepted: ${text}`);
      expect(read.message).toMatch(message);
      expect(text.slice(read.position, read.position + at.length)).toBe(at);
    }
  });
});

describe('sealing', () => {
  test('neither order nor repetition of inputs matters', () => {
    const inputs = Array.from({ length: 300 }, (_, index) => sealDerivation(draft(`i${index}`, {}, [])));
    const sources = inputs.map((_, index) => sourcePath(`s${index}`, sha256(`${index}`)));
    const there = sealDerivation({ ...draft('all', {}, inputs), inputSrcs: sources });
    const again = [...inputs.toReversed(), ...inputs.slice(0, 50)];
    const back = sealDerivation({ ...draft('all', {}, again), inputSrcs: [...sources.toReversed(), ...sources] });
    expect(back).toEqual(there);
    expect(there.aterm).toBe(printDerivation(there.derivation));
  });

  test('more inputs than the fast way takes', () => {
    const inputs = Array.from({ length: 2100 }, (_, index) => sealDerivation(draft(`i${index}`, {}, [])));
    const sealed = sealDerivation(draft('all', {}, inputs));
    expect(sealed.aterm).toBe(printDerivation(sealed.derivation));
    expect(Object.keys(sealed.derivation.inputDrvs)).toHaveLength(2100);
  });

  test('a source that lies between the input derivations in order counts once, where it belongs', () => {
    const inputs = Array.from({ length: 5 }, (_, index) => sealDerivation(draft(`i${index}`, {}, [])));
    const sources = Array.from({ length: 9 }, (_, index) => sourcePath(`s${index}`, sha256(`${index}`)));
    const sealed = sealDerivation({ ...draft('all', {}, inputs), inputSrcs: [...sources, inputs[2]!.drvPath] });
    const references = [...sources, ...inputs.map((input) => input.drvPath)];
    expect(sealed.drvPath).toBe(textPath('all.drv', sealed.aterm, references));
  });

  test('a plan as large as that of cargo itself is sealed in less than 60 ms', () => {
    const rates = Array.from({ length: 8 }, (_, round) => {
      const start = process.cpuUsage();
      const units: SealedDerivation[] = [];
      for (let index = 0; index < 377; index++) {
        const inputs = index % 40 === 39 ? units.slice(-350) : units.slice(-10);
        units.push(
          sealDerivation(draft(`unit-${index}`, { round: `${round}`, arguments: "'--cfg' 'x' ".repeat(200) }, inputs)),
        );
      }
      return process.cpuUsage(start).user / 1000;
    });
    expect(Math.min(...rates)).toBeLessThan(60);
  });

  test('how a fixed output is made does not matter to its dependents, only to its own .drv', () => {
    const fixed = { method: 'nar', sha256: sha256('known') } as const;
    const [one, other] = ['1', '2'].map((way) => sealFixedOutput(draft('fixed', { way }, []), fixed));
    expect(one!.drvPath).not.toBe(other!.drvPath);
    expect(one!.outPath).toBe(other!.outPath);
    const users = [one!, other!].map((input) => sealDerivation(draft('user', {}, [input])));
    expect(users[0]!.outPath).toBe(users[1]!.outPath);
    expect(users[0]!.drvPath).not.toBe(users[1]!.drvPath);
  });

  test('a name that no derivation can have is refused', () => {
    for (const name of ['', 'a b', 'a.drv', 'x'.repeat(208)]) {
      expect(() => sealDerivation({ ...draft('x', {}, []), name }), name).toThrow(/name/);
    }
  });
});

/** The fields that all versions of Nix print alike. */
function essence(json: string): Partial<Derivation> {
  const whole = JSON.parse(json) as Record<string, unknown>;
  const [only] = Object.values((whole['derivations'] ?? whole) as Record<string, Derivation>);
  return { system: only!.system, builder: only!.builder, args: only!.args, env: only!.env };
}

function draft(name: string, env: Record<string, string>, inputDrvs: readonly SealedDerivation[]): DerivationDraft {
  const base = { name, system: 'x86_64-linux', builder: '/bin/sh' };
  return { ...base, args: [], env: { ...base, ...env }, inputDrvs, inputSrcs: [] };
}
