#!/bin/bash
# libxl.t: Debian's xl, unmodified, on our libxenlight: on Debian's Xen, and on hospes. The job is
# tests/host/libxl. TAP for prove.
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

for hypervisor in xen "${HOSPES_HV:-hospes}"; do
    name=${hypervisor##*/} log=$temp/${hypervisor##*/}.log status=0
    "$top/scripts/run-host" --hv "$hypervisor" --timeout "${HOSPES_TIMEOUT:-1500}" --log "$log" \
        --overlay "$temp/over" "$top/tests/host/libxl" >/dev/null 2>&1 &
    runner=$!
    wait "$runner" || status=$?
    runner=
    while IFS= read -r line; do
        case $line in
            'ok - '*) ok 0 "$name: ${line#ok - }" ;;
            'not ok - '*) ok 1 "$name: ${line#not ok - }" "$log" ;;
            *) echo "$line" ;;
        esac
    done < <(tr -d '\r' <"$log" | grep -E '^((not )?ok - |# )')
    ok $status "$name: the job ends well" "$log"
done
finish
