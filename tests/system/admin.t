#!/bin/bash
# admin.t: what an administrator sees at a terminal: `xl doctor` finds each thing that is broken, the
# console from a guest's start, progress. TAP for prove. HOSPES_HV=build/debian/xen: on Debian's Xen.
# shellcheck source=tests/system/lib.bash
. "$(dirname "$0")/lib.bash"

made() {
    "$top/scripts/deps" build toolstack test && "$top/scripts/host-root" && make -s -C "$top" toolstack
}
needs "the toolstack, or the disk of a dom0 with guests" made
host_job --toolstack hospes "$top/tests/host/admin"
at_least 49
