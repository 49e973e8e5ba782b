/** The expressions that all units share: `drydock.nix`. The same text in every export. */
import { exportMark } from '../sources/export-mark.ts';

export const helpers = `${exportMark}# What the files of derivations/ are made with. Stock Nix, no nixpkgs: see docs/nix.md of drydock.
let
  settings = import ./settings.nix;

  # A variable of the caller. There is none in pure evaluation (flakes).
  variable = name: fallback:
    let value = builtins.getEnv name; in if value == "" then fallback else value;
  home = builtins.getEnv "HOME";

  # \`drydock mount\` sets it: { owner, scope, cacheGrants }, and where the workspace and its target directory are if
  # that is not here ({ root, target }). Without it every unit is in the pure lane.
  mount =
    let text = builtins.getEnv "DRYDOCK_MOUNT"; in if text == "" then null else builtins.fromJSON text;

  # A list of words as a builder reads it.
  quote = word: "'" + builtins.replaceStrings [ "'" ] [ "'\\\\''" ] word + "'";
  words = list: builtins.concatStringsSep " " (map quote list);
  assignments = set: words (map (name: name + "=" + set.\${name}) (builtins.attrNames set));
  spaced = { dependencies = null; movingDependencies = null; linkScripts = null; packageScripts = null; libraryPath = null; };
  text = name: value:
    if builtins.isList value then
      (if spaced ? \${name} then builtins.concatStringsSep " " value else words value)
    else if builtins.isAttrs value then assignments value
    else value;

  # Makes inputs of what no text names: no characters, only their context.
  contextOf = inputs: builtins.substring 0 0 (builtins.concatStringsSep "" inputs);

  normal = directory: toString (/. + directory);

  parents = file:
    let directory = dirOf file; in if directory == "." then [ ] else [ directory ] ++ parents directory;
  setOf = names: builtins.listToAttrs (map (name: { inherit name; value = null; }) names);

  drydock = {
    inherit (settings) hostTools;
    root = if mount == null then toString settings.root else mount.root or (toString settings.root);
    target = if mount == null then drydock.place settings.target else mount.target or (drydock.place settings.target);
    cargoHome = variable "CARGO_HOME" (home + "/.cargo");
    rustupHome = variable "RUSTUP_HOME" (home + "/.rustup");

    # A directory by its place relative to the workspace, or an absolute one.
    place = directory:
      normal (if builtins.substring 0 1 directory == "/" then directory else toString settings.root + "/" + directory);

    # One of two values: as a unit is built by itself, and as it is built under \`drydock mount\`.
    lane = pure: dev: if mount == null then pure else dev;
    owner = mount.owner;
    scope = mount.scope;

    # A text that holds the name of a path which is no input.
    nameOf = path: builtins.unsafeDiscardStringContext "\${path}";

    # The archive of a registry package: cargo's copy, or fetched anew. Either is what Cargo.lock names.
    crate = { name, sha256, cached ? null, archive ? drydock.cargoHome + "/registry/cache/" + cached, url ? null }:
      if url == null || builtins.pathExists archive
      then builtins.path { inherit name sha256; path = archive; recursive = false; }
      else builtins.fetchurl { inherit name sha256 url; };

    # The named files below a directory, nothing else.
    tree = { name, from, files, sha256 ? null }:
      let
        start = builtins.stringLength from + 1;
        wanted = setOf files;
        folders = setOf (builtins.concatMap parents files);
      in
      builtins.path ({
        inherit name;
        path = from;
        filter = file: type:
          let inner = builtins.substring start (-1) file; in
          if type == "directory" then folders ? \${inner} else wanted ? \${inner};
      } // (if sha256 == null then { } else { inherit sha256; }));

    # A tree with links in it, which Nix would take as links: a copy, good as long as the files are as they were.
    copiedTree = { name, from, copy, files }:
      let
        changed = builtins.filter
          (file: builtins.hashFile "sha256" (/. + (from + "/" + file)) != files.\${file})
          (builtins.attrNames files);
      in
      if changed == [ ] then drydock.tree { inherit name; from = toString copy; files = builtins.attrNames files; }
      else throw "\${from}/\${builtins.head changed} is not as it was exported: run \`drydock export nix\` again";

    builders = {
      compile = builtins.toFile "compile.sh" (builtins.readFile ./compile.sh);
      run = builtins.toFile "run.sh" (builtins.readFile ./run.sh);
    };
    toolchain = builtins.mapAttrs
      (_: tool: if tool ? store then builtins.storePath tool.store else drydock.tree tool)
      (settings.toolchain drydock);

    # One unit: the derivation that drydock plans.
    unit = { inputs ? [ ], pure ? { }, dev ? { }, ... }@given:
      let
        own = removeAttrs given [ "inputs" "pure" "dev" ] // drydock.lane pure dev;
        # Null: the unit's own sources.
        views = if own ? storeViews then {
          storeViews = builtins.toJSON (builtins.mapAttrs (_: path: if path == null then own.source else path) own.storeViews);
        } else { };
        grants = if (own ? cacheMounts || own ? storeViews) && mount ? cacheGrants then { inherit (mount) cacheGrants; } else { };
      in
      derivation (builtins.mapAttrs text (own // views) // grants // {
        step = own.step + contextOf inputs;
        inherit (settings) system builder;
        args = [ drydock.builders.\${own.step} ];
      });

    # The results that were asked for, where cargo puts them below target/.
    results = { name, path, files }:
      derivation {
        inherit name path;
        inherit (settings) system builder;
        links = builtins.concatStringsSep " " (map (to: files.\${to} + " " + to) (builtins.attrNames files));
        args = [
          "-c"
          ''
            set -ef
            PATH=$path
            export PATH
            set -- $links
            while [ $# -gt 0 ]; do
              mkdir -p "$out/''\${2%/*}"
              ln -s "$1" "$out/$2"
              shift 2
            done
          ''
        ];
      };
  };
in
drydock
`;
