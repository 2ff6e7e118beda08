#!/bin/bash
# Microguests that attack, as domains made by Debian's toolstack, beside a witness and dom0: the job
# tests/host/hostile. HOSPES_HOSTILE=long runs all of them, makes 10 million random hypercalls, and
# claims each frame of the machine; HOSPES_HOSTILE_LOG keeps the console's log.
set -u

top=$(cd "$(dirname "$0")/../.." && pwd)
build=${HOSPES_BUILD:-$top/build}
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
log=${HOSPES_HOSTILE_LOG:-$temp/log}

: >"$temp/scenario"
seconds=1800
if [ "${HOSPES_HOSTILE:-}" = long ]; then
    seconds=7200
    cat >"$temp/scenario" <<'END'
calls=1000000 step=1 patience=2000
guests+="
attack-peers peers=3 vcpus=3 rounds=10000
attack-grants
attack-events
attack-writable-tables
attack-stale-tlb vcpus=2
attack-counts
attack-descriptors
attack-hypervisor-memory
attack-non-canonical
attack-iret
attack-pointers"
guests+="
attack-random calls=10000000 seed=2"
END
fi
{
    "$top/scripts/deps" test && make -s -C "$top" guests
} >"$temp/prepare" 2>&1 || {
    sed 's/^/# /' "$temp/prepare"
    echo "Bail out! the guests cannot be made"
    exit 1
}
"$top/scripts/run-host" --hv "${HOSPES_HV:-hospes}" --smp 2 --timeout $seconds --log "$log" --out "$temp/job" \
    "$top/tests/host/hostile" "$temp/scenario" "$build"/guests/pv/*.elf >"$temp/out" 2>&1
status=$?
sed -n 's/^hostile: //p' "$temp/job/said" # whole, whatever else is said on the console
if [ $status != 0 ]; then
    tail -n 40 "$temp/out" | sed 's/^/# /'
    tr -d '\r' <"$log" | tail -n 40 | sed 's/^/# console: /'
fi
exit $status
