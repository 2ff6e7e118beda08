#!/bin/bash
# devices.t: Debian's xl says and does the same about devices of guests and about the host on our
# libxenlight as on Debian's, in one dom0 on Debian's Xen (HOSPES_HV: another hypervisor). What may
# differ is in tests/host/devices-expected: a step, and why. TAP for prove.
# shellcheck source=tests/system/lib.bash
. "$(dirname "$0")/lib.bash"

{
    "$top/scripts/deps" test toolstack && "$top/scripts/host-root" && make -s -C "$top" toolstack
} >"$temp/prepare" 2>&1 || {
    sed 's/^/# /' "$temp/prepare"
    bail_out "cannot make the library and a dom0"
}

log=$temp/log status=0 out=$temp/out
"$top/scripts/run-host" --hv "${HOSPES_HV:-xen}" --smp 2 --timeout "${HOSPES_TIMEOUT:-3000}" --log "$log" \
    --out "$out" "$top/tests/host/devices" \
    "$build/toolstack/root/usr/lib/x86_64-linux-gnu/libxenlight.so.4.17" >/dev/null 2>&1 &
runner=$!
wait "$runner" || status=$?
runner=
ok $status "the job ends well" "$log"

# plain FILE: without what no two runs have alike, and without the library's own words: what is said
# of an error is better than Debian's, that there is one is the same
plain() {
    sed -E '/^libxl: |^xc: |^$/d; s/ [0-9]+:[0-9:]+$/ TIME/; s/([ 0-9]) +[0-9]+\.[0-9]+( |$)/\1 TIME\2/
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
[ "$count" -ge 100 ]
ok $? "all of it was there"
finish
