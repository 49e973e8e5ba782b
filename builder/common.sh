# What both builders begin with. A builder is run as `/bin/sh <step>.sh` inside a sandbox of either engine: this file
# and those of its step (src/plan/builders.ts) as one text.
# POSIX shell (dash, busybox). Contract: "The builders and their derivations" in docs/architecture.md.
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

# Unpacks an archive of sources: $place is its one directory.
unpack_sources() {
  tar -xzf "$source" -C "${place%/*}"
}

# Links the files of the dependencies into /build/deps. A list too long for one variable comes as a file (passAsFile).
# Where there are many, the links lie in memory, if the sandbox has such a place: on a disk some hundreds of them take 0.03
# to 0.1 s. For a few it would cost more than it saves.
# shellcheck disable=SC2086
place_dependencies() {
  # The engine has put them there, as files: rustc compiles nothing anew that only comes from another store path.
  [ -z "${DRYDOCK_DEPS-}" ] || return 0
  if [ -n "${dependenciesPath-}" ]; then IFS= read -r dependencies <"$dependenciesPath" || :; fi
  [ -n "${dependencies-}" ] || return 0
  if [ ${#dependencies} -gt 5000 ] && mkdir "/dev/shm/${out##*/}" 2>/dev/null; then
    rmdir /build/deps
    ln -s "/dev/shm/${out##*/}" /build/deps
  fi
  ln -s $dependencies /build/deps/
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

# Sets `dynamic` to LD_LIBRARY_PATH as cargo composes it: dependencies, the caller's, those of native libraries.
compose_library_path() {
  dynamic=/build/deps
  eval "set -- $environment"
  for word do
    case $word in LD_LIBRARY_PATH=?*) dynamic="$dynamic:${word#*=}" ;; esac
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

# The environment that is the same for every program. Read by `eval`, as are `environment` and `added`.
base='PATH="$path" HOME=/homeless-shelter TMPDIR=/build TEMPDIR=/build TMP=/build TEMP=/build NIX_BUILD_TOP=/build'
base="$base"' NIX_STORE="${NIX_STORE-/nix/store}" NIX_BUILD_CORES="${NIX_BUILD_CORES-1}"'
jobs=

# A shell tells on stderr how a program died, which is for the one who started the build to tell: what the program itself
# writes goes to descriptor 7 meanwhile.
aside() {
  exec 7>&2 2>/dev/null
}
