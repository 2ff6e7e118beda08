#!/bin/bash
# libxl.t: Debian's xl, unmodified, on our libxenlight. The job is tests/host/libxl. HOSPES_HV=xen: on
# Debian's Xen; HOSPES_LIBXL=long: xl is killed at twelve moments, and thirty guests come and go. TAP
# for prove.
# shellcheck source=tests/system/lib.bash
. "$(dirname "$0")/lib.bash"

{
    "$top/scripts/deps" build toolstack test && "$top/scripts/host-root" &&
        make -s -C "$top" toolstack && mkdir -p "$temp/over/opt/hospes/lib" &&
        cp -a "$build"/toolstack/root/usr/lib/x86_64-linux-gnu/libxenlight.so.4.17* \
            "$temp/over/opt/hospes/lib"
} >"$temp/prepare" 2>&1 || {
    sed 's/^/# /' "$temp/prepare"
    bail_out "cannot make the library"
}

scenario=()
if [ "${HOSPES_LIBXL:-}" = long ]; then
    scenario=("$temp/scenario")
    echo 'cycles=30 moments="0.05 0.10 0.15 0.20 0.25 0.30 0.40 0.50 0.60 0.80 1.00 1.30"' >"${scenario[0]}"
fi
log=$temp/log status=0
"$top/scripts/run-host" --hv "${HOSPES_HV:-hospes}" --timeout "${HOSPES_TIMEOUT:-1500}" --log "$log" \
    --overlay "$temp/over" "$top/tests/host/libxl" "${scenario[@]}" >/dev/null 2>&1 &
runner=$!
wait "$runner" || status=$?
runner=
[ "$status" != 1 ] || status=0 # some of its checks failed; they are told below
told "$log"
ok "$status" "the job ends" "$log"
[ "$count" -ge 27 ]
ok $? "all of it was there"
finish
