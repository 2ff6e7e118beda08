#!/bin/bash
# consoles.t: consoles of guests by our xenconsoled and xenconsole in a Debian dom0 on hospes.
# HOSPES_HV=xen: on Debian's Xen.
# shellcheck source=tests/system/lib.bash
. "$(dirname "$0")/lib.bash"

{
    "$top/scripts/deps" build toolstack test && make -C "$top" toolstack && "$top/scripts/host-root"
} >"$temp/prepare" 2>&1 || {
    sed 's/^/# /' "$temp/prepare"
    bail_out "cannot make a dom0 with our toolstack"
}

log=$temp/log status=0
"$top/scripts/run-host" --toolstack hospes --timeout "${HOSPES_TIMEOUT:-300}" --log "$log" --out "$temp/out" \
    "$top/tests/host/consoles" >/dev/null 2>&1 &
runner=$!
wait "$runner" || status=$?
runner=
[ "$status" != 1 ] || status=0 # some of its checks failed; they are told below

said=$temp/out/tap
[ -s "$said" ] || said=$log # it did not come that far
told "$said"
ok "$status" "the job ends, and dom0 switches the machine off" "$log"
[ "$count" -ge 26 ]
ok $? "all of it was there"
finish
