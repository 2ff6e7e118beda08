#!/bin/bash
# migrate.t: a Debian guest at work moves to the same host, live, once: the job tests/host/migrate
# (tests/system/long moves it more often). HOSPES_MIGRATE is its scenario. TAP for prove.
# shellcheck source=tests/system/lib.bash
. "$(dirname "$0")/lib.bash"

made() {
    "$top/scripts/deps" test && "$top/scripts/host-root" && make -s -C "$top" load &&
        echo "${HOSPES_MIGRATE:-moves=1}" >"$temp/scenario"
}
needs "what the guest is to do" made
host_job --smp 2 "$top/tests/host/migrate" "$temp/scenario" "$build/load" "$build/load.cpio"
at_least 6
