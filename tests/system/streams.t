#!/bin/bash
# streams.t: what Debian's xl saves, toolstack/stream restores, and the other way round, on Debian's
# Xen and on hospes; there live saves, too. TAP for prove.
# shellcheck source=tests/system/lib.bash
. "$(dirname "$0")/lib.bash"

{
    "$top/scripts/deps" test && "$top/scripts/host-root" && make -s -C "$top" streams
} >"$temp/prepare" 2>&1 || {
    sed 's/^/# /' "$temp/prepare"
    bail_out "cannot make the program that saves and restores"
}

# on NAME HYPERVISOR [RUN-HOST-ARGUMENT...]: the job on one of them
on() {
    local name=$1 hypervisor=$2 log=$temp/$1.log status=0
    shift 2
    "$top/scripts/run-host" --hv "$hypervisor" --timeout "${HOSPES_TIMEOUT:-600}" --log "$log" \
        "$top/tests/host/streamed" "$build/streams" "$@" >/dev/null 2>&1 &
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
}

touch "$temp/live"
on Xen xen
on hospes "${HOSPES_HV:-hospes}" "$temp/live"
finish
