#!/bin/bash
# toolstack.t: Debian's toolstack in dom0, started by its own units, hosts a guest: created with
# disks and a network card, paused, resized, saved, restored, migrated, shut down, and no memory
# is lost. TAP for prove. HOSPES_HV=build/debian/xen: on Debian's Xen, where the migration fails.
# shellcheck source=tests/system/lib.bash
. "$(dirname "$0")/lib.bash"

{
    "$top/scripts/deps" test && "$top/scripts/host-root"
} >"$temp/prepare" 2>&1 || {
    sed 's/^/# /' "$temp/prepare"
    bail_out "cannot make the disk of a dom0 with guests"
}

log=$temp/log status=0
"$top/scripts/run-host" --systemd --timeout "${HOSPES_TIMEOUT:-420}" --log "$log" --out "$temp/out" \
    "$top/tests/host/walk" >/dev/null 2>&1 &
runner=$!
wait "$runner" || status=$?
runner=
[ "$status" != 1 ] || status=0 # some of its checks failed; they are told below

serial "$log" 'run-host: system running$'
ok $? "dom0's system starts without a failed unit" "$log"
said=$temp/out/tap
[ -s "$said" ] || said=$log # it did not come that far
told "$said"
ok "$status" "the job ends, and dom0 switches the machine off" "$log"
[ "$count" -ge 37 ]
ok $? "all of it was there"
finish
