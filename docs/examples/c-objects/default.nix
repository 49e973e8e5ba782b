# A C project whose object files outlive the build: drydock mount -- nix-build
#
# `make` looks at times, and every source in the store has the same one. So a source is newer than its object when it is not
# the source that the object was made from: a copy of that lies beside the object.
let
  mount = builtins.getEnv "DRYDOCK_MOUNT";
  # Owner, scope and place of grants. Nothing without `drydock mount`: then the build is an ordinary, cold one.
  caller = if mount == "" then { } else builtins.fromJSON mount;
in
derivation (caller // {
  name = "hello";
  system = builtins.currentSystem;
  src = builtins.path { name = "hello-source"; path = ./src; };
  builder = "/bin/sh";
  args = [ ./build.sh ];
  PATH = "/usr/bin:/bin";
  cacheMounts = builtins.toJSON [
    { id = "hello/objects"; target = "/objects"; sharing = "locked"; ro = false; }
  ];
})
