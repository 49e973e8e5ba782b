# NixOS: cache mounts for derivations that ask for them. What that gives away: docs/security.md.
#
#   imports = [ ./drydock/nix/module.nix ];
#   programs.drydock.cacheMounts.enable = true;
{ config, lib, pkgs, ... }:
let
  cfg = config.programs.drydock.cacheMounts;
  limits = "/etc/drydock/hook.conf";

  # In a checkout, and in the package that npm installs.
  sources = if builtins.pathExists ../src/mounts/hook then ../src/mounts/hook else ../dist/hook;

  hook = pkgs.runCommand "drydock-hook" { nativeBuildInputs = [ pkgs.rustc pkgs.stdenv.cc ]; } ''
    mkdir -p $out/lib/drydock
    rustc --edition=2021 -O -Cpanic=abort -Cstrip=symbols --crate-name=hook \
      -o $out/lib/drydock/drydock-hook ${sources + "/source/hook.rs"}
    substitute ${sources + "/pre-build-hook.sh"} $out/lib/drydock/pre-build-hook \
      --replace-fail @program@ $out/lib/drydock/drydock-hook \
      --replace-fail @conf@ ${limits}
    chmod +x $out/lib/drydock/pre-build-hook
  '';

  words = description: example: lib.mkOption {
    type = lib.types.listOf lib.types.str;
    default = [ ];
    inherit description example;
  };
  line = key: values: lib.optionalString (values != [ ]) "${key} = ${lib.concatStringsSep " " values}\n";
in
{
  options.programs.drydock.cacheMounts = {
    enable = lib.mkEnableOption "cache mounts: a user's build may have a directory of that user, mounted with other owners";
    users = words "Users who may grant mounts. Empty, as `groups`: all." [ "alice" ];
    groups = words "Groups whose users may." [ "developers" ];
    paths = words "Directories that may be mounted: `*` stands for anything but a slash, `**` for anything." [ "/home/**" ];
    ids = words "Ids of mounts that may be granted." [ "incremental/**" ];
    wait = lib.mkOption {
      type = lib.types.ints.unsigned;
      default = 60;
      description = "Seconds that a build waits for a locked mount before it goes on without.";
    };
  };

  config = lib.mkIf cfg.enable {
    nix.settings.pre-build-hook = "${hook}/lib/drydock/pre-build-hook";
    environment.etc."drydock/hook.conf".text =
      line "users" cfg.users + line "groups" cfg.groups + line "paths" cfg.paths + line "ids" cfg.ids
      + "wait = ${toString cfg.wait}\n";
  };
}
