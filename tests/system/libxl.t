#!/bin/bash
# libxl.t: Debian's xl, unmodified, on our libxenlight. The job is tests/host/libxl. HOSPES_HV=build/debian/xen: on
# Debian's Xen; HOSPES_LIBXL=long: xl is killed at twelve moments, and thirty guests come and go. TAP
# for prove.
# shellcheck source=tests/system/lib.bash
. "$(dirname "$0")/lib.bash"

made() {
    "$top/scripts/deps" build toolstack test && "$top/scripts/host-root" &&
        make -s -C "$top" toolstack && mkdir -p "$temp/over/opt/hospes/lib" &&
        cp -a "$build"/toolstack/root/usr/lib/x86_64-linux-gnu/lib{xenlight,hospes-unpack}.so.*[0-9] \
            "$temp/over/opt/hospes/lib"
}
needs "the library" made

scenario=()
if [ "${HOSPES_LIBXL:-}" = long ]; then
    scenario=("$temp/scenario")
    echo 'cycles=30 moments="0.05 0.10 0.15 0.20 0.25 0.30 0.40 0.50 0.60 0.80 1.00 1.30"' >"${scenario[0]}"
fi
host_job --overlay "$temp/over" "$top/tests/host/libxl" "${scenario[@]}"
at_least 28
