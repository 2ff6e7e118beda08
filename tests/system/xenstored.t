#!/bin/bash
# xenstored.t: our xenstored under Debian's toolstack in dom0: a guest with a disk and a network card
# lives on when the daemon is killed while it writes, and when it is stopped and started. TAP for
# prove. HOSPES_HV=build/debian/xen: on Debian's Xen.
# shellcheck source=tests/system/lib.bash
. "$(dirname "$0")/lib.bash"

made() {
    "$top/scripts/deps" build toolstack test && "$top/scripts/host-root" && make -s -C "$top" toolstack &&
        mkdir -p "$temp/over/usr/lib/hospes/bin" &&
        # Debian's xenconsoled does not look for a store that has started again; ours does.
        cp "$build"/toolstack/root/usr/lib/hospes/bin/{xenstored,xenconsoled} "$temp/over/usr/lib/hospes/bin/"
}
needs "the daemon, or the disk of a dom0" made
host_job --hv "$hv" --overlay "$temp/over" "$top/tests/host/xenstored"
at_least 34
