/** A derivation that counts in a file of its mount, and says in its output whose the mount is and what it has found. */
export const counting = `{ salt, id ? "count", target ? "/cache", sharing ? "locked", ro ? "", script ? "", ... }:
let mount = builtins.getEnv "DRYDOCK_MOUNT"; in
derivation ({
  inherit salt target;
  name = "counting";
  system = builtins.currentSystem;
  builder = "/bin/sh";
  args = [ "-c" ''
    PATH=/bin:/usr/bin
    [ -d $target ] || { echo cold >$out; exit 0; }
    { cat $target/builds || :; stat -c %u $target; } >$out
    { echo $salt >>$target/builds; } 2>/dev/null || echo read-only >>$out
    \${script}
  '' ];
  cacheMounts = builtins.toJSON [ { inherit id target sharing; ro = ro != ""; } ];
} // (if mount == "" then { } else builtins.fromJSON mount))
`;

/** A derivation that says in its output what it sees at the places of its views. `@…@` in `views` stands for store paths. */
export const viewing = `{ salt, views, places, mount ? "", ... }:
let
  caller = builtins.getEnv "DRYDOCK_MOUNT";
  make = name: more: script: derivation ({
    inherit name;
    system = builtins.currentSystem;
    builder = "/bin/sh";
    args = [ "-c" "PATH=/bin:/usr/bin; \${script}" ];
  } // more);
  made = make "made" { } "mkdir $out; echo made >$out/seen; ln -s /etc $out/etc";
  link = make "link" { } "ln -s /etc $out";
  paths = {
    "@made@" = "\${made}";
    "@sources@" = "\${builtins.path { name = "sources"; path = ./sources; }}";
    "@link@" = "\${link}";
    "@text@" = "\${builtins.toFile "text" "text"}";
    "@other@" = builtins.unsafeDiscardStringContext "\${make "made" { other = "1"; } "mkdir $out; echo other >$out/seen"}";
  };
  names = builtins.attrNames paths;
in
make "viewing" ({
  inherit salt places;
  # As text in a variable it may be too long for the kernel.
  passAsFile = [ "storeViews" ];
  storeViews = builtins.replaceStrings names (map (name: paths.\${name}) names) views;
} // (if mount == "" then { } else {
  cacheMounts = builtins.toJSON [ { id = "count"; target = mount; sharing = "locked"; ro = false; } ];
}) // (if caller == "" then { } else builtins.fromJSON caller)) ''
  : >$out
  set -f; IFS=:
  for place in $places; do
    cat "$place/seen" >>$out 2>/dev/null || { echo none >>$out; continue; }
    if { echo >"$place/new"; } 2>/dev/null; then echo written >>$out; fi
  done
''
`;
