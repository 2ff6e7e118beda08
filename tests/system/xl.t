#!/bin/bash
# xl.t: our xl beside Debian's, in the same dom0, with Debian's libxl below both: tests/host/two-xl.
# TAP for prove. HOSPES_HV=build/debian/xen: on Debian's Xen.
# shellcheck source=tests/system/lib.bash
. "$(dirname "$0")/lib.bash"

made() {
    "$top/scripts/deps" test toolstack && "$top/scripts/host-root" && make -C "$top" toolstack
}
needs "xl, or the disk of a dom0 with guests" made
host_job --hv "$hv" "$top/tests/host/two-xl" "$build/toolstack/root/usr/sbin/xl" "$top/tests/toolstack/xl-cfg"
for file in "$temp"/out/*.json; do
    perl -MJSON::PP -0777 -ne 'decode_json($_)' "$file" 2>/dev/null
    ok $? "${file##*/} is JSON"
done
at_least 180
