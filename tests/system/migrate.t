#!/bin/bash
# migrate.t: a Debian guest at work moves to the same host, live, once: the job tests/host/migrate
# (tests/system/long moves it more often). HOSPES_MIGRATE is its scenario. TAP for prove.
# shellcheck source=tests/system/lib.bash
. "$(dirname "$0")/lib.bash"

{
    "$top/scripts/deps" test && "$top/scripts/host-root" && make -s -C "$top" load
} >"$temp/prepare" 2>&1 || {
    sed 's/^/# /' "$temp/prepare"
    bail_out "cannot make what the guest is to do"
}

log=$temp/log status=0
echo "${HOSPES_MIGRATE:-moves=1}" >"$temp/scenario"
"$top/scripts/run-host" --smp 2 --timeout "${HOSPES_TIMEOUT:-420}" --log "$log" \
    "$top/tests/host/migrate" "$temp/scenario" "$build/load" "$build/load.cpio" >/dev/null 2>&1 &
runner=$!
wait "$runner" || status=$?
runner=
while IFS= read -r line; do
    case $line in
        'ok '*) ok 0 "${line#ok * - }" ;;
        'not ok '*) ok 1 "${line#not ok * - }" "$log" ;;
        '# '*) echo "$line" ;;
    esac
done < <(tr -d '\r' <"$log" | sed -n 's/^migrate: //p')
ok "$status" "the job ends well" "$log"
finish
