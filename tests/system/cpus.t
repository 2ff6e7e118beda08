#!/bin/bash
# cpus.t: dom0 decides over the CPUs with Debian's toolstack: affinity, weights, caps, pools, CPUs
# that stop and start. TAP for prove. HOSPES_HV=build/debian/xen: on Debian's Xen.
# shellcheck source=tests/system/lib.bash
. "$(dirname "$0")/lib.bash"

{
    "$top/scripts/deps" test && "$top/scripts/host-root"
} >"$temp/prepare" 2>&1 || {
    sed 's/^/# /' "$temp/prepare"
    bail_out "cannot make the disk of a dom0 with guests"
}

log=$temp/log status=0
"$top/scripts/run-host" --smp 2 --timeout "${HOSPES_TIMEOUT:-420}" --log "$log" \
    "$top/tests/host/cpus" >/dev/null 2>&1 &
runner=$!
wait "$runner" || status=$?
runner=
[ "$status" != 1 ] || status=0 # some of its checks failed; they are told below
told "$log"
ok "$status" "the job ends, and dom0 switches the machine off" "$log"
[ "$count" -ge 37 ]
ok $? "all of it was there"
finish
