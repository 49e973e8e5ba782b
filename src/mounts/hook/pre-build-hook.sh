#!/bin/sh
# The program that `pre-build-hook` in nix.conf names. The daemon runs it as root before each sandboxed build:
#   $1  the derivation
#   $2  the directory that becomes the root of the sandbox
# A derivation without a cache mount or a view ends at the first test. Whatever happens: exit code 0, since any other fails a build
# that has done nothing wrong; what the privileged program prints, it prints at once or not at all.
set -f
PATH=/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin
LC_ALL=C
export PATH LC_ALL
drv=$1
# The store of a daemon can lie below another root: the sandbox's directory lies beside the derivation.
[ -f "$drv" ] || drv=${2%/*.drv.chroot*}/${1##*/}
grep -q -F -e '("cacheMounts","' -e '("storeViews","' -- "$drv" 2>/dev/null || exit 0
# What the daemon has in its environment is nothing for the program.
env -i PATH="$PATH" LC_ALL=C "@program@" "$PPID" "$1" "$drv" "@conf@" || echo "drydock: no cache mount for $1: the hook's program ended with $?" >&2
exit 0
