#!/bin/sh
# nsview in one file: an interpreter, libraries and the program behind these lines, unpacked once by each user.
# It needs a shell, tail, tar and gzip, such as busybox has. `--unpacked` prints the directory.
set -u
hash=@HASH@
lines=@LINES@

# Directories that nobody but this user can write, the first that takes programs: one may be read-only or noexec.
if [ "$(id -u)" = 0 ]; then
    places="/var/cache /run /dev/shm"
else
    places="${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache} ${XDG_RUNTIME_DIR:-/run/user/$(id -u)} /dev/shm"
fi

# Nobody else may have made it, as anybody could in /dev/shm. Being renamed, it is whole.
own() { [ -d "$1" ] && [ ! -h "$1" ] && [ -O "$1" ]; }

unpack() {
    (umask 077 && mkdir -p "$1") 2>/dev/null
    part="$(mktemp -d "$1/.nsview.XXXXXX" 2>/dev/null)" || return 1
    if tail -n "+$lines" "$0" | gzip -dc 2>/dev/null | tar -xf - -C "$part" &&
        "$part/bin/python3" -I -S -c "" 2>/dev/null; then
        mv "$part" "$2" 2>/dev/null
    fi
    rm -rf "$part" "${2:?}/${part##*/}" # it failed, or another one was sooner
}

case $0 in /*) NSVIEW_FILE=$0 ;; *) NSVIEW_FILE=$PWD/$0 ;; esac
export NSVIEW_FILE

for place in $places; do
    home="$place/nsview-$(id -u)-$hash"
    [ -e "$home" ] || unpack "$place" "$home"
    if own "$home"; then
        [ "${1-}" != --unpacked ] || { echo "$home"; exit; }
        exec "$home/bin/nsview" "$@"
    fi
done
echo "nsview: nowhere to unpack to, for which these are tried: $places; free 80 MB in one that takes programs" >&2
exit 4
