#!/bin/bash
# cross-restore.t: a guest that Debian's Xen saved goes on on hospes, and what hospes saved of it
# goes on on Debian's Xen, with Debian's toolstack on both. TAP for prove.
# shellcheck source=tests/system/lib.bash
. "$(dirname "$0")/lib.bash"

{
    "$top/scripts/deps" test && "$top/scripts/host-root"
} >"$temp/prepare" 2>&1 || {
    sed 's/^/# /' "$temp/prepare"
    bail_out "cannot make the disk of a dom0 with guests"
}

# on NAME HYPERVISOR [SAVED]: one machine's part of the way; leaves the guest in $temp/saved
on() {
    local name=$1 hypervisor=$2 log=$temp/$1.log status=0 since=$SECONDS
    shift 2
    "$top/scripts/run-host" --hv "$hypervisor" --timeout "${HOSPES_TIMEOUT:-600}" --log "$log" \
        --out "$temp/out" "$top/tests/host/cross" "$@" >/dev/null 2>&1 &
    runner=$!
    wait "$runner" || status=$?
    runner=
    while IFS= read -r line; do
        case $line in
            'ok - '*) ok 0 "$name: ${line#ok - }" ;;
            'not ok - '*) ok 1 "$name: ${line#not ok - }" ;;
            *) echo "$line" ;;
        esac
    done < <(tr -d '\r' <"$log" | grep -E '^((not )?ok - |# )')
    ok $status "$name: the job ends, and dom0 switches the machine off" "$log" || {
        finish
        exit 1
    }
    note "$((SECONDS - since)) s"
    mv "$temp/out/saved" "$temp/saved"
}

on 'first on Xen' xen
on 'then on hospes' "$hv" "$temp/saved"
on 'back on Xen' xen "$temp/saved"
finish
