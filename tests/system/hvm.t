#!/bin/bash
# hvm.t: HVM guests on Debian's Xen with the toolstack of hospes: tests/host/hvm. TAP for prove.
# shellcheck source=tests/system/lib.bash
. "$(dirname "$0")/lib.bash"

made() {
    "$top/scripts/deps" build toolstack test && "$top/scripts/host-root" &&
        make -s -C "$top" toolstack direct
}
needs "the toolstack, the disk of a dom0 with guests, or a kernel for them" made
host_job --hv xen --svm --hvargs guest_loglvl=all --toolstack hospes "$top/tests/host/hvm" \
    "$build/direct.bin"
at_least 21
