#!/bin/bash
# own.t: the toolstack of hospes, all of it, hosts a guest: the walk of toolstack.t, and then one that
# Debian's pygrub boots from its disk. TAP for prove.
# HOSPES_HV=build/debian/xen: on Debian's Xen, where the migration is skipped.
# shellcheck source=tests/system/lib.bash
. "$(dirname "$0")/lib.bash"

made() {
    "$top/scripts/deps" build toolstack test && "$top/scripts/host-root" && make -s -C "$top" toolstack
}
needs "the toolstack, or the disk of a dom0 with guests" made
mapfile -t no_live < <(no_live)
host_job --toolstack hospes "$top/tests/host/walk" "$top/tests/host/bootloader" "${no_live[@]}"
for part in xenstored xen-init-dom0 xenconsoled; do
    grep -aq "run-host: /usr/lib/hospes/bin/$part" "$log"
    ok $? "$part is ours"
done
at_least 51
