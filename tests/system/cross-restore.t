#!/bin/bash
# cross-restore.t: a guest that Debian's Xen saved goes on on hospes, and what hospes saved of it
# goes on on Debian's Xen, with Debian's toolstack on both. TAP for prove.
# shellcheck source=tests/system/lib.bash
. "$(dirname "$0")/lib.bash"

made() {
    "$top/scripts/deps" test && "$top/scripts/host-root"
}
needs "the disk of a dom0 with guests" made

# part NAME HYPERVISOR [SAVED]: one machine's part of the way; leaves the guest in $temp/saved
part() {
    local name=$1 hypervisor=$2
    shift 2
    host_job --as "$name" --hv "$hypervisor" "$top/tests/host/cross" "$@" || {
        finish
        exit 1
    }
    mv "$temp/out/saved" "$temp/saved"
}

part 'first on Xen' xen
part 'then on hospes' "$hv" "$temp/saved"
part 'back on Xen' xen "$temp/saved"
at_least 23
