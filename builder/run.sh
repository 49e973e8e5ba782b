# Runs a build script, on a copy of the sources.

# Lays the sources out at $place, a directory. A build script may write beside them, as it may under cargo. All have one
# date, not that of the copy, which is another for each: `make` takes nothing for out of date, and what is newer was written.
place_sources() {
  if [ "$sourceForm" = archive ]; then
    unpack_sources
    return
  fi
  cp -R "$source/." "$place/"
  chmod -R u+w "$place"
  # A tree has no empty directories; without these it is no repository.
  [ ! -d "$place/.git" ] || mkdir -p "$place/.git/refs" "$place/.git/objects"
  : >/build/.dated
  find /build/.dated "$place" ! -type l -exec touch -t 198001020000 {} + 2>/dev/null || :
}

# Lays out the sources of packages whose metadata may name a directory among them.
place_metadata_sources() {
  eval "set -- ${metadataSources-}"
  while [ $# -gt 0 ]; do
    mkdir -p "$1"
    (place=$1 sourceForm=$2 source=$3 && place_sources)
    shift 3
  done
}

# Sets `real` to the directory that the script takes $place for.
find_real() {
  real=$place
  eval "set -- $environment"
  for word do
    case $word in
      CARGO_MANIFEST_DIR=/*)
        real=${word#*=}
        real=${real%"${directory#"$place"}"}
        ;;
    esac
  done
}

# What git says of its search depends otherwise on whether /build is a file system of its own: it is in one engine only.
git=GIT_DISCOVERY_ACROSS_FILESYSTEM=1

# Sets `added` to DEP_<PREFIX>_<KEY> of the linked dependencies' metadata.
read_metadata() {
  eval "set -- ${metadataFrom-}"
  for from do
    prefix=${from%%=*}
    [ -s "${from#*=}/flags/metadata" ] || continue
    while IFS= read -r value; do
      quote "${prefix}_$value"
      added="$added $quoted"
    done <"${from#*=}/flags/metadata"
  done
}

# Tells what a script of the user's own wrote among its sources: it ends with the sandbox, and the user may count on it.
# What is new in a directory, whatever its date; and files that are newer and differ.
tell_written() {
  find "$place" -name .git -prune -o -newer /build/.dated -print 2>/dev/null | while IFS= read -r path; do
    inside=${path#"$place"}
    if [ -d "$path" ] && [ -d "$source$inside" ]; then
      set +f
      for entry in "$path"/* "$path"/.[!.]* "$path"/..?*; do
        if [ -e "$entry" ] || [ -L "$entry" ]; then tell_new "${entry#"$place/"}"; fi
      done
    elif [ -f "$source$inside" ]; then
      cmp -s "$source$inside" "$path" || printf '%s\n' "@drydock wrote ${inside#/}"
    fi
  done
}

# tell_new PATH: tells of it unless it is among the sources.
tell_new() {
  case $1 in .git | */.git) return 0 ;; esac
  if [ -e "$source/$1" ] || [ -L "$source/$1" ]; then return 0; fi
  printf '%s\n' "@drydock wrote $1"
}

run_script() {
  mkdir -p "$place" /build/deps "$out/out" "$out/flags"
  place_sources
  place_metadata_sources
  place_dependencies
  common_variables
  find_real
  quote "OUT_DIR=$out/out"
  added="$added $quoted NUM_JOBS=${NIX_BUILD_CORES:-1}"
  read_metadata
  cd "$directory"
  quote "$program"
  printf '%s\n' "@drydock running $added -- $quoted ${arguments-}"
  code=0
  aside
  (eval "exec env -i -- $base $git $jobs $environment $added $quoted ${arguments-}" >"$out/output" 2>"$out/stderr" 7>&-) || code=$?
  exec 2>&7
  [ ! -s "$out/stderr" ] || cat "$out/stderr"
  # What follows are lines of their own.
  [ -z "$(tail -c 1 "$out/stderr")" ] || printf '\n'
  while IFS= read -r line || [ -n "$line" ]; do
    printf '%s\n' "@drydock stdout $line"
    case $line in *cargo:*) read_line "$line" ;; esac
  done <"$out/output"
  if [ -n "${owner-}" ] && [ "$sourceForm" = tree ]; then tell_written; fi
  ready=1
  exit "$code"
}

run_script
