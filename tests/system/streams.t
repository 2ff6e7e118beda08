#!/bin/bash
# streams.t: what Debian's xl saves, toolstack/stream restores, and the other way round, on Debian's
# Xen and on hospes; there live saves, too. TAP for prove.
# shellcheck source=tests/system/lib.bash
. "$(dirname "$0")/lib.bash"

made() {
    "$top/scripts/deps" test && "$top/scripts/host-root" && make -s -C "$top" streams
}
needs "the program that saves and restores" made
touch "$temp/live"
host_job --as Xen --hv xen "$top/tests/host/streamed" "$build/streams"
host_job --as hospes "$top/tests/host/streamed" "$build/streams" "$temp/live"
at_least 38
