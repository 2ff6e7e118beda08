#!/bin/bash
# devices.t: Debian's xl says and does the same about devices of guests and about the host on our
# libxenlight as on Debian's, in one dom0. HOSPES_HV=build/debian/xen: on Debian's Xen. What may differ
# is in tests/host/devices-expected: a step, and why. TAP for prove.
# shellcheck source=tests/system/lib.bash
. "$(dirname "$0")/lib.bash"

made() {
    "$top/scripts/deps" test toolstack && "$top/scripts/host-root" && make -s -C "$top" toolstack
}
needs "the library and a dom0" made
HOSPES_TIMEOUT=${HOSPES_TIMEOUT:-1500}
host_job --hv "$hv" --smp 2 "$top/tests/host/devices" \
    "$build/toolstack/root/usr/lib/x86_64-linux-gnu/libxenlight.so.4.17"
out=$temp/out

# plain FILE: without what no two runs have alike: times, the CPU that a vCPU last ran on. Without the
# library's own words: what is said of an error is better than Debian's, that there is one is the same.
# Without the folders of backends, which Debian's library leaves when they are empty.
plain() {
    sed -E '/^libxl: |^xc: |^$/d; s/ [0-9]+:[0-9:]+$/ TIME/; s/([ 0-9]) +[0-9]+\.[0-9]+( |$)/\1 TIME\2/
        s/^([A-Za-z0-9-]+ +[N0-9]+ +[0-9]+) +[0-9]+ +([r-][b-][p-])/\1 CPU \2/
        /^.local.domain.0.backend(.[a-z0-9]+(.[N0-9]+)?)? = ""/d
        /^(xen_commandline|free_memory|outstanding_claims|sharing|xend)/d' "$1"
}

for file in "$out"/debian/*; do
    step=${file##*/}
    if diff <(plain "$file") <(plain "$out/hospes/$step" 2>&1) >"$temp/diff"; then
        ok 0 "$step"
    elif reason=$(grep -m 1 -E "^$step " "$top/tests/host/devices-expected"); then
        ok 0 "$step differs: ${reason#* }"
    else
        ok 1 "$step" "$temp/diff"
    fi
done
! grep -q '^/local/domain/0/backend' "$out/hospes/end"
ok $? "our library leaves nothing of a backend"
at_least 170
