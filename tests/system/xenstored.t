#!/bin/bash
# xenstored.t: our xenstored under Debian's toolstack in dom0: a guest with a disk and a network card
# lives on when the daemon is killed while it writes, and when it is stopped and started. TAP for
# prove. HOSPES_HV=build/debian/xen: on Debian's Xen.
# shellcheck source=tests/system/lib.bash
. "$(dirname "$0")/lib.bash"

{
    "$top/scripts/deps" build toolstack test && "$top/scripts/host-root" && make -s -C "$top" toolstack
} >"$temp/prepare" 2>&1 || {
    sed 's/^/# /' "$temp/prepare"
    bail_out "cannot make the daemon, or the disk of a dom0"
}
mkdir -p "$temp/over/usr/lib/hospes/bin"
# Debian's xenconsoled does not look for a store that has started again; ours does.
cp "$build"/toolstack/root/usr/lib/hospes/bin/{xenstored,xenconsoled} "$temp/over/usr/lib/hospes/bin/"

log=$temp/log status=0
"$top/scripts/run-host" --hv "$hv" --overlay "$temp/over" --timeout "${HOSPES_TIMEOUT:-300}" \
    --log "$log" --out "$temp/out" "$top/tests/host/xenstored" >/dev/null 2>&1 &
runner=$!
wait "$runner" || status=$?
runner=
[ "$status" != 1 ] || status=0 # some of its checks failed; they are told below

said=$temp/out/tap
[ -s "$said" ] || said=$log # it did not come that far
told "$said"
ok "$status" "the job ends, and dom0 switches the machine off" "$log"
[ "$count" -ge 34 ]
ok $? "all of it was there"
finish
