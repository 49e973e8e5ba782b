# The builder of every derivation, run as `/bin/sh unit.sh` inside a sandbox of either engine.
# POSIX shell (dash, busybox). Contract: "The builder and its derivation" in docs/architecture.md.
# Variables of the engine that are no part of the derivation:
#   DRYDOCK_JOBSERVER  a fifo with the build's job tokens
#   DRYDOCK_OUT        where $out can be written on the same mount as /incremental
#   DRYDOCK_DEPS       the engine has filled /build/deps
# Exit code: that of the program; 98 when the unit could not be set up.
set -ef
exec >&2
PATH=$path
LC_ALL=C
export PATH LC_ALL
umask 022
ready=
trap '[ -n "$ready" ] || exit 98' EXIT

# quote TEXT: sets `quoted` to a shell word that reads as TEXT.
quote() {
  quoted=
  rest=$1
  while :; do
    case $rest in
      *\'*)
        quoted="$quoted${rest%%\'*}'\\''"
        rest=${rest#*\'}
        ;;
      *) break ;;
    esac
  done
  quoted="'$quoted$rest'"
}

# envify TEXT: sets `enved` to TEXT as part of a variable's name: upper case, `-` as `_`.
envify() {
  enved=
  rest=$1
  while [ -n "$rest" ]; do
    tail=${rest#?}
    char=${rest%"$tail"}
    rest=$tail
    case $char in
      a) char=A ;; b) char=B ;; c) char=C ;; d) char=D ;; e) char=E ;; f) char=F ;; g) char=G ;;
      h) char=H ;; i) char=I ;; j) char=J ;; k) char=K ;; l) char=L ;; m) char=M ;; n) char=N ;;
      o) char=O ;; p) char=P ;; q) char=Q ;; r) char=R ;; s) char=S ;; t) char=T ;; u) char=U ;;
      v) char=V ;; w) char=W ;; x) char=X ;; y) char=Y ;; z) char=Z ;; -) char=_ ;;
    esac
    enved=$enved$char
  done
}

# trim TEXT: sets `trimmed` to TEXT without white space at both ends.
trim() {
  trimmed=${1#"${1%%[![:space:]]*}"}
  trimmed=${trimmed%"${trimmed##*[![:space:]]}"}
}

# Lays the sources out at $place.
place_sources() {
  if [ "$sourceForm" = archive ]; then
    mkdir -p "${place%/*}" "$@"
    tar -xzf "$source" -C "${place%/*}"
    return
  fi
  mkdir -p "$place" "$@"
  if [ "$step" = run ]; then
    # A build script may write beside its sources, as it may under cargo.
    cp -R "$source/." "$place/"
    chmod -R u+w "$place"
    # A tree has no empty directories; without these it is no repository.
    [ ! -d "$place/.git" ] || mkdir -p "$place/.git/refs" "$place/.git/objects"
    return
  fi
  set +f
  set -- "$source"/* "$source"/.[!.]* "$source"/..?*
  set -f
  for entry do
    shift
    if [ -e "$entry" ] || [ -L "$entry" ]; then set -- "$@" "$entry"; fi
  done
  [ $# = 0 ] || ln -s "$@" "$place/"
}

# Lays out the sources of packages whose metadata may name a directory among them.
place_metadata_sources() {
  eval "set -- ${metadataSources-}"
  while [ $# -gt 0 ]; do
    (place=$1 sourceForm=$2 source=$3 && place_sources)
    shift 3
  done
}

# Links the files of the dependencies into /build/deps. A list too long for one variable comes as a file (passAsFile).
# shellcheck disable=SC2086
place_dependencies() {
  # The engine has put them there, as files: rustc compiles nothing anew that only comes from another store path.
  [ -z "${DRYDOCK_DEPS-}" ] || return 0
  if [ -n "${dependenciesPath-}" ]; then IFS= read -r dependencies <"$dependenciesPath" || :; fi
  [ -n "${dependencies-}" ] || return 0
  ln -s $dependencies /build/deps/
  # rustc resolves links: with ones to these it would use none of its state again after an edit of a dependency.
  [ -d /incremental ] || return 0
  if [ -n "${movingDependenciesPath-}" ]; then IFS= read -r movingDependencies <"$movingDependenciesPath" || :; fi
  [ -n "${movingDependencies-}" ] || return 0
  links=
  viewed=
  copied=
  for file in $movingDependencies; do
    links="$links /build/deps/${file##*/}"
    output=${file%/*}
    # Where the sandbox shows the output at a place that does not move.
    view=/deps/${output##*-}
    if [ -d "$view" ]; then viewed="$viewed $view/${file##*/}"; else copied="$copied $file"; fi
  done
  rm -f $links
  [ -z "$viewed" ] || ln -s $viewed /build/deps/
  [ -z "$copied" ] || cp --reflink=auto $copied /build/deps/ 2>/dev/null || cp -f $copied /build/deps/
}

# Adds the search directory $1 (as rustc's -L takes it) to `dynamic` if a build script's output holds it.
add_dynamic() {
  case $1 in
    native=* | crate=* | dependency=* | framework=* | all=*) directory_of=${1#*=} ;;
    *) directory_of=$1 ;;
  esac
  case $directory_of in
    /nix/store/*/out | /nix/store/*/out/*) dynamic="$dynamic:$directory_of" ;;
  esac
}

# Sets `dynamic` to LD_LIBRARY_PATH as cargo composes it: dependencies, the caller's, those of native libraries; and
# `real` to the directory that the process takes $place for.
compose_library_path() {
  dynamic=/build/deps
  real=$place
  eval "set -- $environment"
  for word do
    case $word in
      LD_LIBRARY_PATH=?*) dynamic="$dynamic:${word#*=}" ;;
      CARGO_MANIFEST_DIR=/*)
        real=${word#*=}
        real=${real%"${directory#"$place"}"}
        ;;
    esac
  done
  for run in ${libraryPath-}; do
    [ -s "$run/flags/search" ] || continue
    while IFS= read -r value; do add_dynamic "$value"; done <"$run/flags/search"
  done
}

# Sets `added` (word list of the variables that are known only now) to what every step has.
common_variables() {
  compose_library_path
  quote "$dynamic"
  added="LD_LIBRARY_PATH=$quoted"
  if [ -n "${DRYDOCK_JOBSERVER-}" ]; then
    # By descriptor, not by name: GNU make before 4.4 takes a fifo's name for an internal error.
    exec 8<>"$DRYDOCK_JOBSERVER" 9<>"$DRYDOCK_JOBSERVER"
    CARGO_MAKEFLAGS='-j --jobserver-fds=8,9 --jobserver-auth=8,9'
  fi
  [ -z "${CARGO_MAKEFLAGS-}" ] || jobs='CARGO_MAKEFLAGS="$CARGO_MAKEFLAGS"'
}

# Logs what a program wrote to stdout, read from ours.
print_stdout() {
  while IFS= read -r line || [ -n "$line" ]; do printf '%s\n' "@drydock stdout $line"; done
}

# The environment that is the same for every program. Read by `eval`, as are `environment` and `added`.
base='PATH="$path" HOME=/homeless-shelter TMPDIR=/build TEMPDIR=/build TMP=/build TEMP=/build NIX_BUILD_TOP=/build'
base="$base"' NIX_STORE="${NIX_STORE-/nix/store}" NIX_BUILD_CORES="${NIX_BUILD_CORES-1}"'
jobs=

# A shell tells on stderr how a program died, which is for the one who started the build to tell: what the program itself
# writes goes to descriptor 7 meanwhile.
aside() {
  exec 7>&2 2>/dev/null
}

# add OPTION VALUE: appends both to `flags`.
add() {
  quote "$2"
  flags="$flags $1 $quoted"
}

# Sets `flags` and extends `added` by what build scripts printed, in cargo's order.
read_scripts() {
  flags=
  outside=
  # Directories inside of a script's own OUT_DIR go before all others; both kinds keep their order.
  for run in ${linkScripts-}; do
    [ -s "$run/flags/search" ] || continue
    while IFS= read -r value; do
      case $value in
        native=* | crate=* | dependency=* | framework=* | all=*) directory_of=${value#*=} ;;
        *) directory_of=$value ;;
      esac
      quote "$value"
      case $directory_of in
        "$run/out" | "$run/out/"*) flags="$flags -L $quoted" ;;
        *) outside="$outside -L $quoted" ;;
      esac
    done <"$run/flags/search"
  done
  flags=$flags$outside

  for run in ${linkScripts-}; do
    own=
    case " ${packageScripts-} " in *" $run "*) own=1 ;; esac
    if [ "$own${passLinkFlags-}" = 11 ] && [ -s "$run/flags/lib" ]; then
      while IFS= read -r value; do add -l "$value"; done <"$run/flags/lib"
    fi
    [ -s "$run/flags/link-arg" ] || continue
    while IFS= read -r value; do
      kind=${value%%	*}
      if [ -n "$own" ] || [ "$kind" = cdylib ]; then
        eval "set -- ${linkKinds-}"
        for applies do
          if [ "$applies" = "$kind" ]; then
            add -C "link-arg=${value#*	}"
            break
          fi
        done
      fi
    done <"$run/flags/link-arg"
  done

  [ -n "${script-}" ] || return 0
  quote "$script/out"
  added="$added OUT_DIR=$quoted"
  if [ -s "$script/flags/cfg" ]; then
    while IFS= read -r value; do add --cfg "$value"; done <"$script/flags/cfg"
  fi
  if [ -s "$script/flags/check-cfg" ]; then
    while IFS= read -r value; do add --check-cfg "$value"; done <"$script/flags/check-cfg"
  fi
  if [ -s "$script/flags/env" ]; then
    while IFS= read -r value; do
      quote "$value"
      added="$added $quoted"
    done <"$script/flags/env"
  fi
}

compile() {
  place_sources /build/deps "$out"
  ln -s "${DRYDOCK_OUT:-$out}" /build/out
  place_dependencies
  common_variables
  read_scripts
  if [ -n "${cacheMounts-}" ] && [ ! -d /incremental ]; then
    # Declared, but nobody granted it: the state goes to a place that ends with the sandbox.
    mkdir /build/incremental
    eval "set -- $arguments"
    arguments=
    for word do
      case $word in *incremental=/incremental) word="${word%/incremental}/build/incremental" ;; esac
      quote "$word"
      arguments="$arguments $quoted"
    done
  fi
  cd "$directory"
  quote "$program"
  printf '%s\n' "@drydock running $added -- $quoted $arguments$flags"
  code=0
  aside
  (eval "exec env -i -- $base $jobs $environment $added $quoted $arguments $flags" >/build/.stdout 2>&7 7>&-) || code=$?
  exec 2>&7
  # rustc itself says nothing there: what comes is of procedural macros.
  [ ! -s /build/.stdout ] || print_stdout </build/.stdout
  ready=1
  exit "$code"
}

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

# append FILE LINE: adds a line to one of the files in $out/flags.
append() {
  printf '%s\n' "$2" >>"$out/flags/$1"
}

# keep PATH: where PATH names something among the sources, copies it into $out, because sources are not shown where a
# dependent links, and sets `kept` to that place; else to PATH. Of a directory its files alone: linkers look no deeper.
# What is relative counts from rustc's working directory, and stays apart: it is told as it was.
keep() {
  kept=$1
  case $1 in
    "$place" | "$place"/*) from=$1 copy=$out/sources${1#"$place"} ;;
    "$real" | "$real"/*) from=$place${1#"$real"} copy=$out/sources${1#"$real"} ;;
    '' | /* | .. | ../* | */.. | */../*) return 0 ;;
    *)
      copy=$out/relative/$1
      case $place in
        /build/ws) from=$place/$1 ;;
        *) from=$directory/$1 ;;
      esac
      ;;
  esac
  case $from in
    */.. | */../*)
      last=
      if [ ! -d "$from" ]; then
        last=/${from##*/}
        from=${from%/*}
      fi
      from=$(cd -P "$from" 2>/dev/null && pwd) || return 0
      case $from in "$place" | "$place"/*) copy=$out/sources${from#"$place"}$last ;; *) return 0 ;; esac
      from=$from$last
      ;;
  esac
  if [ -d "$from" ]; then
    mkdir -p "$copy"
    set +f
    set -- "$from"/* "$from"/.[!.]*
    set -f
    for entry do
      shift
      if [ -f "$entry" ]; then set -- "$@" "$entry"; fi
    done
    [ $# = 0 ] || cp -fL "$@" "$copy/"
  elif [ -f "$from" ]; then
    mkdir -p "${copy%/*}"
    cp -fL "$from" "$copy"
  else
    return 0
  fi
  kept=$copy
}

# link_search DIRECTORY: as rustc's -L takes it.
link_search() {
  case $1 in
    native=* | crate=* | dependency=* | framework=* | all=*)
      keep "${1#*=}"
      kept=${1%%=*}=$kept
      ;;
    *) keep "$1" ;;
  esac
  append search "$kept"
}

# keep_argument TEXT: `keep` for the path of a file in a linker's argument (`-T<path>`, `-Wl,--version-script=<path>`), or
# of a directory after -L. Where programs look when they run (rpath) is no business of the linker's.
keep_argument() {
  kept=$1
  case $1 in *rpath*) return 0 ;; esac
  for root in "$place" "$real"; do
    case $1 in *"$root"*) ;; *) continue ;; esac
    before=${1%%"$root"*}
    named=${1#"$before"}
    after=
    case $before in
      */*) continue ;;
      -Wl,*) case $named in *,*) after=,${named#*,} named=${named%%,*} ;; esac ;;
    esac
    if [ -d "$named" ]; then case $before in *-L*) ;; *) continue ;; esac; fi
    keep "$named"
    kept=$before$kept$after
    return
  done
}

# link_argument KIND ARGUMENT
link_argument() {
  keep_argument "$2"
  append link-arg "$1	$kept"
}

# Applies one directive: $1 the key, $2 the value. What cargo refuses is refused by the planner, which reads `output`.
directive() {
  case $1 in
    rustc-flags)
      pending=
      # shellcheck disable=SC2086
      set -- $2
      for word do
        if [ -n "$pending" ]; then
          if [ "$pending" = lib ]; then append lib "$word"; else link_search "$word"; fi
          pending=
          continue
        fi
        case $word in
          -l) pending=lib ;;
          -L) pending=search ;;
          -l*) append lib "${word#-l}" ;;
          -L*) link_search "${word#-L}" ;;
        esac
      done
      ;;
    rustc-link-lib) append lib "$2" ;;
    rustc-link-search) link_search "$2" ;;
    rustc-link-arg) link_argument all "$2" ;;
    rustc-link-arg-cdylib | rustc-cdylib-link-arg) link_argument cdylib "$2" ;;
    rustc-link-arg-bins) link_argument bins "$2" ;;
    rustc-link-arg-bin) case $2 in *=*) link_argument "bin=${2%%=*}" "${2#*=}" ;; esac ;;
    rustc-link-arg-tests) link_argument tests "$2" ;;
    rustc-link-arg-benches) link_argument benches "$2" ;;
    rustc-link-arg-examples) link_argument examples "$2" ;;
    rustc-cfg) append cfg "$2" ;;
    rustc-check-cfg) append check-cfg "$2" ;;
    rustc-env)
      case $2 in
        RUSTC_BOOTSTRAP=*) ;;
        ?*=*) append env "$2" ;;
      esac
      ;;
    metadata) case $2 in *=*) envify "${2%%=*}" && append metadata "$enved=${2#*=}" ;; esac ;;
  esac
}

# Reads one line that a build script printed.
read_line() {
  trim "$1"
  case $trimmed in
    cargo::*=*)
      value=${trimmed#cargo::}
      directive "${value%%=*}" "${value#*=}"
      ;;
    cargo:*)
      value=${trimmed#cargo:}
      case $value in
        rustc-flags=* | rustc-link-lib=* | rustc-link-search=* | rustc-link-arg-cdylib=* | rustc-cdylib-link-arg=* | \
          rustc-link-arg-bins=* | rustc-link-arg-bin=* | rustc-link-arg-tests=* | rustc-link-arg-benches=* | \
          rustc-link-arg-examples=* | rustc-link-arg=* | rustc-cfg=* | rustc-check-cfg=* | rustc-env=* | warning=* | \
          rerun-if-changed=* | rerun-if-env-changed=*) directive "${value%%=*}" "${value#*=}" ;;
        *) directive metadata "$value" ;;
      esac
      ;;
  esac
}

# Tells what a script of the user's own wrote among its sources: it ends with the sandbox, and the user may count on it.
tell_written() {
  diff -rq -x .git "$source" "$place" 2>/dev/null | while IFS= read -r line; do
    case $line in
      "Only in $place: "*) printf '%s\n' "@drydock wrote ${line#*: }" ;;
      "Only in $place/"*)
        line=${line#"Only in $place/"}
        printf '%s\n' "@drydock wrote ${line%%: *}/${line#*: }"
        ;;
      "Files $source/"*" differ")
        line=${line##*" and $place/"}
        printf '%s\n' "@drydock wrote ${line% differ}"
        ;;
    esac
  done
}

run_script() {
  place_sources /build/deps "$out/out" "$out/flags"
  place_metadata_sources
  place_dependencies
  common_variables
  quote "OUT_DIR=$out/out"
  added="$added $quoted NUM_JOBS=${NIX_BUILD_CORES:-1}"
  read_metadata
  cd "$directory"
  quote "$program"
  printf '%s\n' "@drydock running $added -- $quoted ${arguments-}"
  code=0
  aside
  (eval "exec env -i -- $base $jobs $environment $added $quoted ${arguments-}" >"$out/output" 2>"$out/stderr" 7>&-) || code=$?
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

case $step in
  compile) compile ;;
  run) run_script ;;
  *)
    printf 'drydock: unknown step: %s\n' "$step"
    exit 98
    ;;
esac
