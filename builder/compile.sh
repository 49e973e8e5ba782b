# Compiles: rustc on sources that are shown by links.

# Lays the sources out at $place, a directory.
place_sources() {
  if [ "$sourceForm" = archive ]; then
    unpack_sources
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

# Puts files or links that do not move in place of the links to what an edit moves: rustc resolves links, and with ones
# to these it would use none of its state again after an edit of a dependency.
# shellcheck disable=SC2086
settle_dependencies() {
  [ -z "${DRYDOCK_DEPS-}" ] || return 0
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
  if [ -n "$copied" ]; then
    mkdir /build/moving
    cp --reflink=auto $copied /build/moving/ 2>/dev/null || cp -f $copied /build/moving/
    for file in $copied; do viewed="$viewed /build/moving/${file##*/}"; done
  fi
  rm -f $links
  ln -s $viewed /build/deps/
}

# Logs what a program wrote to stdout, read from ours.
print_stdout() {
  while IFS= read -r line || [ -n "$line" ]; do printf '%s\n' "@drydock stdout $line"; done
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
  mkdir -p "$place" /build/deps "$out"
  place_sources
  ln -s "${DRYDOCK_OUT:-$out}" /build/out
  place_dependencies
  settle_dependencies
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

compile
