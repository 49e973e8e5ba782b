/** The NixOS module, with as much of nixpkgs as it uses. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { Launch } from '../daemon/daemon.ts';
import { run } from './support.ts';

const module = fileURLToPath(new URL('../../nix/module.nix', import.meta.url));

export function moduleSuite(launch: Launch): void {
  function evaluate(settings: string): { readonly config: unknown; readonly options: readonly string[] } {
    const expression = `
    let
      lib = {
        mkEnableOption = description: { inherit description; default = false; };
        mkOption = option: option;
        mkIf = condition: value: if condition then value else { };
        optionalString = condition: text: if condition then text else "";
        concatStringsSep = builtins.concatStringsSep;
        types = { listOf = type: [ type ]; str = "str"; ints.unsigned = "unsigned"; };
      };
      pkgs = {
        rustc = "rustc";
        stdenv.cc = "cc";
        runCommand = name: env: script: { inherit script; outPath = "/nix/store/hook"; };
      };
      evaluated = import ${module} { inherit lib pkgs config; };
      options = evaluated.options.programs.drydock.cacheMounts;
      given = ${settings};
      config.programs.drydock.cacheMounts = builtins.mapAttrs (name: option: given.\${name} or option.default) options;
    in { config = evaluated.config; options = builtins.attrNames options; }`;
    const [program = '', ...before] = launch.tool('nix-instantiate');
    return JSON.parse(run(program, [...before, '--eval', '--strict', '--json', '--expr', expression])) as never;
  }

  test('it sets the daemon’s option and writes the limits, once it is enabled', () => {
    expect(evaluate('{ }').config).toEqual({});
    const { config, options } = evaluate('{ enable = true; users = [ "alice" "bob" ]; paths = [ "/home/**" ]; }');
    expect(options).toEqual(['enable', 'groups', 'ids', 'paths', 'users', 'wait']);
    expect(config).toEqual({
      nix: { settings: { 'pre-build-hook': '/nix/store/hook/lib/drydock/pre-build-hook' } },
      environment: { etc: { 'drydock/hook.conf': { text: 'users = alice bob\npaths = /home/**\nwait = 60\n' } } },
    });
  });

  test('every mark of the filter is filled in', () => {
    const filter = readFileSync(new URL('../../src/mounts/hook/pre-build-hook.sh', import.meta.url), 'utf8');
    const marks = new Set(filter.match(/@\w+@/g));
    for (const mark of marks) expect(readFileSync(module, 'utf8')).toContain(`--replace-fail ${mark} `);
    expect(marks.size).toBe(2);
  });
}
