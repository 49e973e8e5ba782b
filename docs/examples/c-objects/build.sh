# Whatever is in /objects, also nothing, the program is right: an object counts only with the very source it was made from.
set -eu
objects=/objects
[ -d "$objects" ] || objects=$TMPDIR/objects
mkdir -p "$objects" "$out/bin"
for source in "$src"/*.c; do
  name=${source##*/}
  from=$(cat "$src"/*.h "$source")
  if [ "$from" != "$(cat "$objects/$name.from" 2>/dev/null)" ]; then
    echo "cc -c $name"
    rm -f "$objects/$name.from"
    cc -c "$source" -o "$objects/$name.o"
    printf '%s\n' "$from" >"$objects/$name.from"
  fi
done
set -- "$src"/*.c
for source; do
  shift
  set -- "$@" "$objects/${source##*/}.o"
done
cc "$@" -o "$out/bin/hello"
