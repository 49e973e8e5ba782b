# Reads what a build script printed and keeps it in $out/flags, one directive a line, ready for dependents.

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
