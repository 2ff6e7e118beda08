#!/bin/bash
# toolstack.t: Debian's toolstack in dom0, started by its own units, hosts a guest: created with
# disks and a network card, paused, resized, saved, restored, migrated, shut down, and no memory
# is lost. TAP for prove. HOSPES_HV=build/debian/xen: on Debian's Xen, where the migration is skipped.
# shellcheck source=tests/system/lib.bash
. "$(dirname "$0")/lib.bash"

made() {
    "$top/scripts/deps" test && "$top/scripts/host-root"
}
needs "the disk of a dom0 with guests" made
mapfile -t no_live < <(no_live)
host_job --systemd "$top/tests/host/walk" "${no_live[@]}"
serial "$log" 'run-host: system running$'
ok $? "dom0's system starts without a failed unit" "$log"
at_least 37
