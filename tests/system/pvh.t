#!/bin/bash
# pvh.t: PVH guests on Debian's Xen with the toolstack of hospes, all of it, and between it and
# Debian's: tests/host/both-ways. TAP for prove.
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
host_job --hv xen --svm --toolstack hospes "$top/tests/host/both-ways" "$top/tests/host/walk" \
    "$temp/scenario" "$temp/theirs"
at_least 48
