#!/bin/bash
# xl.t: our xl beside Debian's, in the same dom0, with Debian's libxl below both: tests/host/two-xl.
# TAP for prove. HOSPES_HV=build/debian/xen: on Debian's Xen.
# shellcheck source=tests/system/lib.bash
. "$(dirname "$0")/lib.bash"

{
    "$top/scripts/deps" test toolstack && "$top/scripts/host-root" && make -C "$top" toolstack
} >"$temp/prepare" 2>&1 || {
    sed 's/^/# /' "$temp/prepare"
    bail_out "cannot make xl, or the disk of a dom0 with guests"
}

log=$temp/log status=0
"$top/scripts/run-host" --hv "$hv" --timeout "${HOSPES_TIMEOUT:-600}" --log "$log" --out "$temp/out" \
    "$top/tests/host/two-xl" "$build/toolstack/root/usr/sbin/xl" "$top/tests/toolstack/xl-cfg" \
    >/dev/null 2>&1 &
runner=$!
wait "$runner" || status=$?
runner=
[ "$status" != 1 ] || status=0 # some of its checks failed; they are told below
said=$temp/out/tap
[ -s "$said" ] || said=$log # it did not come that far
told "$said"
for file in "$temp"/out/*.json; do
    perl -MJSON::PP -0777 -ne 'decode_json($_)' "$file" 2>/dev/null
    ok $? "${file##*/} is JSON"
done
ok "$status" "the job ends" "$log"
[ "$count" -ge 175 ]
ok $? "all of it was there"
finish
