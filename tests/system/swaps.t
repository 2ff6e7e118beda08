#!/bin/bash
# swaps.t: parts of our toolstack and of Debian's under one another. Our xenstored under Debian's xl and
# library, with our xl and library beside them on the same guests (tests/host/swaps); Debian's xenstored
# under all else of ours (tests/host/walk). What else is exchanged: libxl.t, xl.t, streams.t. TAP for
# prove. HOSPES_HV=build/debian/xen: on Debian's Xen.
# shellcheck source=tests/system/lib.bash
. "$(dirname "$0")/lib.bash"

made() {
    local root=$build/toolstack/root
    "$top/scripts/deps" build toolstack test && "$top/scripts/host-root" &&
        make -s -C "$top" toolstack && mkdir -p "$temp"/ours/{opt/hospes/lib,usr/lib/hospes/bin} &&
        cp -a "$root"/usr/lib/x86_64-linux-gnu/lib*.so.* "$temp/ours/opt/hospes/lib" &&
        cp -a "$root/usr/sbin/xl" "$temp/ours/opt/hospes" &&
        cp -a "$root/usr/lib/hospes/bin/xenstored" "$temp/ours/usr/lib/hospes/bin" &&
        cp -a "$root" "$temp/rest" && rm "$temp/rest/usr/lib/hospes/bin/xenstored"
}
needs "the toolstack, or the disk of a dom0 with guests" made
mapfile -t no_live < <(no_live)

host_job --as "our xenstored" --hv "$hv" --overlay "$temp/ours" --timeout "${HOSPES_TIMEOUT:-900}" \
    "$top/tests/host/swaps" "${no_live[@]}"
host_job --as "Debian's xenstored" --hv "$hv" --overlay "$temp/rest" "$top/tests/host/walk" \
    "${no_live[@]}"
grep -aq 'run-host: /usr/lib/xen-4.17/bin/xenstored' "$log"
ok $? "Debian's xenstored: it is Debian's"
grep -aq 'run-host: /usr/lib/hospes/bin/xenconsoled' "$log"
ok $? "Debian's xenstored: xenconsoled is ours"
at_least 130
