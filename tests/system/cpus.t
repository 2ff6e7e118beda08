#!/bin/bash
# cpus.t: dom0 decides over the CPUs with Debian's toolstack: affinity, weights, caps, pools, CPUs
# that stop and start. TAP for prove. HOSPES_HV=build/debian/xen: on Debian's Xen.
# shellcheck source=tests/system/lib.bash
. "$(dirname "$0")/lib.bash"

made() {
    "$top/scripts/deps" test && "$top/scripts/host-root"
}
needs "the disk of a dom0 with guests" made
host_job --smp 2 "$top/tests/host/cpus"
at_least 38
