#!/bin/bash
# pvh.t: a PVH guest on Debian's Xen goes from the toolstack of hospes to Debian's by file, and back
# live: tests/host/both-ways. HOSPES_PVH=long: all ways, and before that the walk of own.t. TAP for prove.
# shellcheck source=tests/system/lib.bash
. "$(dirname "$0")/lib.bash"

libraries=/usr/lib/x86_64-linux-gnu
made() {
    "$top/scripts/deps" build toolstack test && "$top/scripts/host-root" &&
        make -s -C "$top" toolstack && mkdir "$temp/theirs" &&
        cp -L $libraries/libxenlight.so.4.17 $libraries/libxlutil.so.4.17 "$temp/theirs"
}
needs "the toolstack, or the disk of a dom0 with guests" made
echo "more=('type=\"pvh\"') kept=16384" >"$temp/scenario"
files=("$temp/scenario" "$temp/theirs") least=11
if [ "${HOSPES_PVH:-}" = long ]; then
    files+=("$top/tests/host/walk")
    least=49
fi
host_job --hv xen --svm --toolstack hospes "$top/tests/host/both-ways" "${files[@]}"
at_least $least
